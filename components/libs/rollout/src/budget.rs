//! The loss budget: how many devices of a job may be exposed at once.

/// What a job may spend (DESIGN §1).
///
/// ```
/// use ota_rollout::Budget;
/// let budget = Budget { loss_budget: 10, growth: 100 };
/// assert_eq!(budget.bound(0), 10);
/// assert_eq!(budget.bound(95), 19); // one more for every ten that came back
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Devices that the operator is ready to lose, 1..=1 000 000.
    pub loss_budget: i64,
    /// Further devices per thousand that succeeded, 0..=1000.
    pub growth: i64,
}

impl Budget {
    /// The budget of a job that says nothing: ten devices, and one more for every ten that came back.
    pub const DEFAULT: Self = Self { loss_budget: 10, growth: 100 };

    /// How many devices may be exposed after `succeeded` came back: `loss_budget + ⌊growth × succeeded / 1000⌋`.
    pub fn bound(self, succeeded: i64) -> i64 {
        self.loss_budget.saturating_add(self.growth.saturating_mul(succeeded.max(0)) / 1000)
    }

    /// Whether one more device may be exposed: the condition of the ledger's slot statement.
    pub fn has_slot(self, exposed: i64, succeeded: i64) -> bool {
        exposed < self.bound(succeeded)
    }

    /// Whether a device that holds a slot may begin: the condition of the ledger's begin statement.
    /// A revert may have moved the bound below what is exposed since the slot was taken.
    pub fn may_begin(self, exposed: i64, succeeded: i64) -> bool {
        exposed <= self.bound(succeeded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_grows_only_with_devices_that_came_back() {
        let budget = Budget { loss_budget: 1, growth: 500 };
        assert_eq!([0, 1, 2, 3, 4].map(|n| budget.bound(n)), [1, 1, 2, 2, 3]);
        assert_eq!(Budget { loss_budget: 3, growth: 0 }.bound(1_000_000), 3);
    }

    #[test]
    fn a_slot_needs_room_and_a_begin_needs_no_excess() {
        let budget = Budget { loss_budget: 2, growth: 0 };
        assert!(budget.has_slot(1, 0) && !budget.has_slot(2, 0));
        assert!(budget.may_begin(2, 0) && !budget.may_begin(3, 0));
    }

    #[test]
    fn absurd_counts_do_not_overflow() {
        assert_eq!(Budget { loss_budget: i64::MAX, growth: i64::MAX }.bound(i64::MAX), i64::MAX);
        assert_eq!(Budget::DEFAULT.bound(-5), 10);
    }
}
