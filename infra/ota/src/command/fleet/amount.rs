//! Amounts of bytes on the command line: `100000`, `64k`, `2M`.

/// Reads a number of bytes above 0; `k`, `M` and `G` are powers of 1024.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let units = [(&['k', 'K'], 1 << 10), (&['m', 'M'], 1 << 20), (&['g', 'G'], 1 << 30)];
    let with_unit = units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (digits, unit) = with_unit.unwrap_or((text, 1));
    let wrong = || format!("`{text}` is no amount of bytes: write 100000, 64k or 2M");
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// Reads the size of a firmware.
pub(super) fn parse_firmware(text: &str) -> Result<usize, String> {
    const MOST: u64 = 256 << 20;
    let bytes = parse(text)?;
    usize::try_from(bytes)
        .ok()
        .filter(|_| bytes <= MOST)
        .ok_or_else(|| format!("a firmware of {bytes} bytes is too large to simulate, at most {MOST}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        let read = |text| parse(text).unwrap();
        assert_eq!(["1", "64k", "2M", "1G"].map(read), [1, 65_536, 2_097_152, 1 << 30]);
        for wrong in ["", "k", "0", "-1", "1.5k", "1T", "99999999999G", "é"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse_firmware("257M").is_err());
    }
}
