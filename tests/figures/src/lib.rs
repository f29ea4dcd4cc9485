//! What is claimed about jobs in numbers, counted anew in each run: what an update that bricks everything costs, how
//! often a healthy job is held, how long a job takes.
//!
//! Everything is seeded: the same code gives the same figures.

#![expect(clippy::indexing_slicing, reason = "what goes wrong here fails the run")]

mod gate;
mod lost;
mod pace;
mod random;

/// A table of figures, and whether they are as claimed.
#[derive(Debug)]
pub struct Figures {
    /// What it is about.
    pub title: &'static str,
    /// How it was counted.
    pub about: &'static str,
    /// Its columns.
    pub head: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
    /// What is not as claimed.
    pub broken: Vec<String>,
}

impl Figures {
    /// As Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let head: Vec<String> = self.head.iter().map(|&cell| cell.to_owned()).collect();
        let rule: Vec<String> = self.head.iter().map(|_| "--:".to_owned()).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("### {}\n\n{}\n\n{}{}{rows}", self.title, self.about, line(&head), line(&rule))
    }
}

/// All figures, with fleets of at most `largest` devices.
pub fn all(largest: usize) -> Vec<Figures> {
    vec![lost::figures(largest), gate::figures(), pace::figures()]
}

/// `1234567` as `1 234 567`.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_bricks_everything_costs_its_budget_and_no_more() {
        let figures = lost::figures(1000);
        assert_eq!(figures.broken, Vec::<String>::new());
        assert!(figures.markdown().contains("| 1 000 | 10 | 10 |"), "{}", figures.markdown());
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([7, 1000, 1_234_567].map(grouped), ["7", "1 000", "1 234 567"]);
    }
}
