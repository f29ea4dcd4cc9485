//! The page that stands in the repository is of every judge, and none found fault.

const PAGE: &str = include_str!("../../JUDGES.md");

#[test]
fn every_judge_has_its_say_on_the_page() {
    for judge in ["curl", "wget", "aria2", "REDbot"] {
        assert!(PAGE.contains(judge), "{judge} is not on the page");
    }
}
