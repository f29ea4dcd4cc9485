//! Who plays in the demo: the devices' names, and the three that something happens to.

use crate::fleet::Fault;

/// The product of the demo.
pub(super) const PRODUCT: &str = "demo";
/// The version that all devices leave.
pub(super) const OLD: &str = "1.0";
/// The version that they should come back on.
pub(super) const NEW: &str = "2.0";

/// With fewer devices nobody fails.
const LEAST_WITH_FAULTS: usize = 4;

/// A device of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) device: String,
    pub(super) fault: Option<Fault>,
}

/// All devices of the demo, in the order of their names.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) parts: Vec<Part>,
}

impl Cast {
    /// `count` devices; the faulty ones stand a quarter, half and three quarters down the list.
    pub(super) fn of(count: u16) -> Self {
        let total = usize::from(count);
        let width = total.to_string().len().max(2);
        let part =
            |index| Part { device: format!("device-{:0width$}", index + 1), fault: fault(index, total) };
        Self { parts: (0..total).map(part).collect() }
    }

    pub(super) fn has_faults(&self) -> bool {
        self.parts.iter().any(|part| part.fault.is_some())
    }
}

fn fault(index: usize, total: usize) -> Option<Fault> {
    if total < LEAST_WITH_FAULTS {
        return None;
    }
    let quarters =
        [(total / 4, Fault::BadDigest), (total / 2, Fault::Brick), (total * 3 / 4, Fault::Rollback)];
    quarters.into_iter().find(|(place, _)| *place == index).map(|(_, fault)| fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_fail_in_any_fleet_of_four_or_more() {
        for count in [4, 5, 7, 20, 500] {
            let cast = Cast::of(count);
            let faults: Vec<_> = cast.parts.iter().filter_map(|part| part.fault).collect();
            assert_eq!(cast.parts.len(), usize::from(count));
            let all = [Fault::BadDigest, Fault::Brick, Fault::Rollback];
            assert_eq!(faults, all, "{count} devices");
        }
    }

    #[test]
    fn nobody_fails_in_a_fleet_of_three() {
        assert!(!Cast::of(3).has_faults());
        assert_eq!(Cast::of(1).parts, [Part { device: "device-01".to_owned(), fault: None }]);
    }

    #[test]
    fn names_sort_as_numbers_do() {
        let names: Vec<_> = Cast::of(120).parts.into_iter().map(|part| part.device).collect();
        assert_eq!(names.first().map(String::as_str), Some("device-001"));
        assert!(names.is_sorted());
    }
}
