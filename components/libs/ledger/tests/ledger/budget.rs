//! The loss budget, whatever happens and whatever fails: random schedules over the real statements.

use ota_ledger::Sql;
use ota_ledger::deliver::Recipient;
use ota_ledger::offer::Offers;
use ota_protocol::link::Link;
use ota_rollout::{Budget, JobState, Mode, Terms};
use proptest::prelude::*;

use crate::database::CASES;
use crate::ledger::store::{Store, heard, id, terms, ver};

const DEVICES: usize = 4;

#[derive(Debug, Clone)]
enum Move {
    Inform(usize, &'static str),
    Progress(usize, i32),
    Ask(usize),
    Download(usize),
    Complete(usize),
    Sweep,
    Pass(i64),
    Stop,
}

fn any_move() -> impl Strategy<Value = Move> {
    let device = 0..DEVICES;
    prop_oneof![
        4 => (device.clone(), prop::sample::select(vec!["1", "1", "2", "2", "7"]))
            .prop_map(|(d, v)| Move::Inform(d, v)),
        2 => (device.clone(), prop::sample::select(vec![0, 40, 80, 100, -2, -3, -9]))
            .prop_map(|(d, s)| Move::Progress(d, s)),
        2 => device.clone().prop_map(Move::Ask),
        4 => device.clone().prop_map(Move::Download),
        1 => device.prop_map(Move::Complete),
        2 => Just(Move::Sweep),
        2 => prop::sample::select(vec![1, 4_000, 11_000, 120_000]).prop_map(Move::Pass),
        1 => Just(Move::Stop),
    ]
}

/// Runs one move; a failing database is what the device, the sweep or the operator sees, and no more.
fn run(store: &Store, job: &str, links: &mut [Option<Link>], step: &Move) {
    let name = |n: &usize| format!("d{n}");
    match step {
        Move::Inform(device, version) => {
            let told = store.act(|ledger| ledger.inform(&heard(&name(device)), &ver(version)));
            if let Ok(ota_ledger::inform::Told::Known(Some(command))) = told {
                links[*device] = Some(command.link);
            }
        }
        Move::Progress(device, step) => {
            let _ = store.act(|ledger| ledger.progress(&heard(&name(device)), *step, None));
        }
        Move::Ask(device) => {
            if let Ok(Offers::List(list)) = store.act(|ledger| ledger.offers(&id(&name(device))))
                && let Some(offer) = list.into_iter().next_back()
            {
                links[*device] = Some(offer.link);
            }
        }
        Move::Download(device) => {
            if let Some(link) = &links[*device] {
                let _ = store.act(|ledger| ledger.begin(link));
            }
        }
        Move::Complete(device) => {
            if let Some(link) = &links[*device] {
                let _ = store.act(|ledger| ledger.complete(link));
            }
        }
        Move::Sweep => {
            let _ = store
                .act(|ledger| ledger.sweep().and_then(|_| ledger.deliveries(Recipient::Broker, &|| true)));
        }
        Move::Pass(ms) => store.pass(*ms),
        Move::Stop => {
            let _ = store.act(|ledger| ledger.stop_job(job, false));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn the_bound_holds_after_every_step_whatever_fails(
        mode in prop::sample::select(vec![Mode::Push, Mode::Request]),
        loss_budget in 1..3_i64,
        growth in prop::sample::select(vec![0, 500, 1000]),
        moves in prop::collection::vec((any_move(), prop::option::weighted(0.15, 0_usize..9)), 1..60),
    ) {
        let store = Store::with_devices(DEVICES);
        let budget = Budget { loss_budget, growth };
        let job = store.job(mode, Terms { budget, ..terms(1) });
        let mut links = vec![None; DEVICES];
        for (step, fails_after) in &moves {
            let before = store.record(&job).counters;
            let admitted = store.admitted(&job);
            // The clock is the test's own and never fails.
            store.sql.fails_after.set(fails_after.filter(|_| !matches!(step, Move::Pass(_))));
            run(&store, &job, &mut links, step);
            // A killed handler: its connection is dropped, and with it what it had open.
            let was_cut = store.sql.fails_after.replace(None) == Some(0);
            if was_cut {
                let _ = store.sql.execute("ROLLBACK", &[]);
            }

            store.check(&job);
            let record = store.record(&job);
            // Wherever one more device was let begin or exposed, the bound held.
            let is_let_in = store.admitted(&job) > admitted;
            let is_exposed = record.counters.exposed > before.exposed
                && matches!(step, Move::Download(_) | Move::Sweep | Move::Ask(_) | Move::Progress(..));
            let let_one_more = is_let_in || is_exposed;
            if let_one_more {
                let bound = budget.bound(record.counters.succeeded);
                prop_assert!(record.counters.exposed <= bound, "{} of {bound}", record.counters.exposed);
            }
            // After stop, nobody is let in.
            prop_assert!(record.state != JobState::Stopped || !is_let_in);
        }
    }
}
