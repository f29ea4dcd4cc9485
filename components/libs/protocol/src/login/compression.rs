//! Payload compression, which the Java SDK announces in the braces of its client id:
//! `dk{ip=…,version=…,compress=GZIP}`.

/// The compression that a client id asks for; `None` when payloads are plain.
pub(super) fn asked_for(base: &str) -> Option<&str> {
    let (_, braces) = base.split_once('{')?;
    braces
        .trim_end_matches('}')
        .split(',')
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == "compress").then_some(value))
        .filter(|method| !method.is_empty() && !method.eq_ignore_ascii_case("DEFAULT"))
}
