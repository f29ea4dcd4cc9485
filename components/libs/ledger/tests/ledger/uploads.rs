//! Uploads under way: one writer at a time, found again by what they are, and no firmware of an object that is doomed.

use ota_image::objects::Writing;
use ota_image::{BlocksRoot, Md5, ObjectId, Sha256, Store as Kept, Stored};
use ota_ledger::Sql as _;
use ota_ledger::firmware::{NewFirmware, Pushed};
use ota_ledger::record::{Duties, UploadRecord, Way};
use ota_ledger::upload::{Sought, Taken};
use ota_protocol::message::SignMethod;

use crate::ledger::store::{Store, id, pk, ver};

const DAY: i64 = 24 * 3_600_000;

#[test]
fn an_upload_is_noted_as_it_was_begun_and_as_far_as_it_is() {
    let store = Store::new();
    let begun = begun(&store, 1, Way::Gateway);
    store.act(|ledger| ledger.begin_upload(&begun).unwrap());
    let noted = upload(&store, 1).unwrap();
    assert_eq!(noted, UploadRecord { expires_at: noted.expires_at, ..begun.clone() });
    assert!(note(&store, &begun, 4096, "state"));
    let noted = upload(&store, 1).unwrap();
    assert_eq!((noted.position, noted.state.as_str()), (4096, "state"));
    assert!(upload(&store, 2).is_none());
}

#[test]
fn who_takes_an_upload_writes_it_and_who_did_before_does_not() {
    let store = Store::new();
    let first = begun(&store, 1, Way::Gateway);
    let Taken::Yes(second) = take(&store, 1, None) else { panic!("it is free") };
    assert_eq!(second.writer, "taker");
    assert!(!note(&store, &first, 10, "late"));
    assert!(!store.act(|ledger| ledger.hold_upload(&first, 1000).unwrap()));
    assert!(note(&store, &second, 20, "now"));
    assert_eq!(upload(&store, 1).unwrap().position, 20);
}

#[test]
fn nobody_takes_an_upload_whose_part_may_still_arrive_nor_one_that_is_elsewhere() {
    let store = Store::new();
    let first = begun(&store, 1, Way::Gateway);
    assert!(store.act(|ledger| ledger.hold_upload(&first, 90_000).unwrap()));
    assert_eq!(take(&store, 1, None), Taken::Busy);
    store.pass(89_999);
    assert_eq!(take(&store, 1, Some(0)), Taken::Busy);
    store.pass(1);
    let Taken::Yes(second) = take(&store, 1, Some(0)) else { panic!("it arrived, or never will") };
    assert!(store.act(|ledger| ledger.hold_upload(&second, 90_000).unwrap()));
    assert!(note(&store, &second, 4096, "stored"), "then it is free again");
    assert_eq!(take(&store, 1, Some(0)), Taken::Elsewhere(4096));
    assert!(note(&store, &second, 4096, "who was refused took nothing"));
    let other = store.act(|ledger| ledger.take_upload(&object(1), Way::Presigned, "x", None).unwrap());
    assert_eq!(other, Taken::OtherWay(Way::Gateway));
    assert_eq!(take(&store, 2, None), Taken::Gone);
}

#[test]
fn what_was_brought_is_named_once() {
    let store = Store::new();
    let mut record = begun(&store, 1, Way::Presigned);
    record.writing.token = String::new();
    let name = |token: &str| store.act(|ledger| ledger.name_upload(&record, token).unwrap());
    assert!(!name("\"tag\""), "it has a token");
    store.sql.execute("UPDATE upload SET token = ''", &[]).unwrap();
    assert!(name("\"tag\""));
    assert!(!name("\"other\""));
    assert_eq!(upload(&store, 1).unwrap().writing.token, "\"tag\"");
}

#[test]
fn the_same_upload_is_found_by_all_that_it_is() {
    let store = Store::new();
    begun(&store, 1, Way::Gateway);
    store.pass(1);
    begun(&store, 2, Way::Gateway);
    let sha256 = Sha256::of(b"2").to_string();
    let (product, version) = (pk(), ver("2"));
    let sought = Sought {
        product: &product,
        version: &version,
        way: Way::Gateway,
        size: 1000,
        sha256: &sha256,
        declared: "said",
    };
    let found = |sought: &Sought<'_>| store.act(|ledger| ledger.upload_again(sought).unwrap());
    assert_eq!(found(&sought).unwrap().writing.object, object(2), "the newest");
    for other in [
        Sought { way: Way::Presigned, ..sought },
        Sought { size: 1001, ..sought },
        Sought { sha256: "", ..sought },
        Sought { declared: "else", ..sought },
        Sought { version: &ver("3"), ..sought },
    ] {
        assert!(found(&other).is_none(), "{other:?}");
    }
    store.act(|ledger| ledger.doom_upload(&object(2)).unwrap());
    assert_eq!(found(&sought).unwrap().writing.object, object(1));
}

#[test]
fn what_nobody_goes_on_with_is_doomed_when_its_time_is_up_and_not_before() {
    let store = Store::new();
    let doomed = || store.act(|ledger| ledger.doomed_upload().unwrap());
    let begun = begun(&store, 1, Way::Gateway);
    store.pass(DAY - 1);
    assert!(doomed().is_none());
    assert!(note(&store, &begun, 10, "state"), "it goes on, and its day begins anew");
    store.pass(DAY - 1);
    assert!(doomed().is_none());
    assert!(matches!(take(&store, 1, None), Taken::Yes(_)), "somebody comes back for it");
    store.pass(DAY - 1);
    assert!(doomed().is_none());
    store.pass(1);
    assert_eq!(doomed().unwrap().writing.object, object(1));
    assert!(!note(&store, &begun, 20, "late"));
    assert!(upload(&store, 1).is_none());
    // Whoever was to remove it died: another comes for it, a minute later.
    assert!(doomed().is_none());
    store.pass(60_000);
    assert_eq!(doomed().unwrap().writing.object, object(1));
}

#[test]
fn an_object_is_removed_piece_by_piece_and_forgotten_when_nothing_is_left() {
    let store = Store::new();
    begun(&store, 1, Way::Gateway);
    store.pass(DAY);
    for (was, left) in [(2 * 4096, 500), (500, 200), (200, 0)] {
        let doomed = store.act(|ledger| ledger.doomed_upload().unwrap()).unwrap();
        assert_eq!(doomed.most_stored(), was);
        store.act(|ledger| ledger.removed_upload(&object(1), left).unwrap());
    }
    assert!(store.sql.query("SELECT upload FROM upload", &[]).unwrap().is_empty());
}

#[test]
fn what_is_given_up_is_removed_once_more_when_everything_has_arrived() {
    let store = Store::new();
    begun(&store, 1, Way::Gateway);
    assert!(store.act(|ledger| ledger.doom_upload(&object(1)).unwrap()));
    store.pass(3_600_000 - 1);
    assert!(store.act(|ledger| ledger.doomed_upload().unwrap()).is_none());
    store.pass(1);
    assert!(store.act(|ledger| ledger.doomed_upload().unwrap()).is_some());
}

#[test]
fn one_request_alone_is_given_up_after_an_hour() {
    let store = Store::new();
    begun(&store, 1, Way::Request);
    store.pass(3_600_000 - 1);
    assert!(store.act(|ledger| ledger.doomed_upload().unwrap()).is_none());
    store.pass(1);
    assert!(store.act(|ledger| ledger.doomed_upload().unwrap()).is_some());
}

#[test]
fn a_firmware_ends_its_upload_and_a_doomed_one_makes_none() {
    let store = Store::new();
    begun(&store, 1, Way::Gateway);
    store.act(|ledger| ledger.doom_upload(&object(1)).unwrap());
    assert!(matches!(register(&store, "2", 1), Pushed::NoUpload));
    assert!(store.act(|ledger| ledger.firmware(&pk(), &ver("2")).unwrap()).is_none());
    begun(&store, 2, Way::Gateway);
    assert!(matches!(register(&store, "2", 2), Pushed::Created(_)));
    assert!(upload(&store, 2).is_none());
    assert!(!store.act(|ledger| ledger.doom_upload(&object(2)).unwrap()), "it is a firmware now");
    // Nobody heard of it: it is there, under the same object.
    let Pushed::Same(firmware) = register(&store, "2", 2) else { panic!("it stands") };
    assert_eq!(firmware.image.object, object(2));
    begun(&store, 3, Way::Gateway);
    assert!(matches!(register(&store, "2", 3), Pushed::Same(_)));
    assert!(upload(&store, 3).is_some(), "an upload that is not needed is for its caller to give up");
}

#[test]
fn a_damaged_firmware_gets_a_sound_object_and_the_old_one_is_doomed() {
    let store = Store::new();
    begun(&store, 1, Way::Gateway);
    register(&store, "2", 1);
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object(1), &id("d"), "damage").unwrap());
    begun(&store, 2, Way::Gateway);
    let Pushed::Repaired(firmware) = register(&store, "2", 2) else { panic!("it was damaged") };
    assert_eq!((firmware.image.object, firmware.quarantined_at), (object(2), None));
    assert!(store.act(|ledger| ledger.doomed_upload().unwrap()).is_none(), "a URL may still lead there");
    store.pass(600_000);
    let doomed = store.act(|ledger| ledger.doomed_upload().unwrap()).unwrap();
    assert_eq!((doomed.writing.object, doomed.size), (object(1), Some(1000)));
    // Whoever still read the old one found the damage once more, and says nothing of the new one.
    let again = store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &object(1), &id("d"), "damage"));
    assert!(!again.unwrap());
    assert!(matches!(register(&store, "2", 2), Pushed::Same(_)), "asked again, nothing is repaired twice");
    let events = store.sql.query("SELECT kind FROM event WHERE kind LIKE 'firmware%'", &[]).unwrap();
    assert_eq!(events.len(), 2);
}

fn object(n: u8) -> ObjectId {
    ObjectId::from_random([n; 16])
}

/// An upload of version 2 that has begun.
fn begun(store: &Store, n: u8, way: Way) -> UploadRecord {
    let writing = Writing { object: object(n), token: format!("token {n}") };
    let record = UploadRecord {
        part: 4096,
        size: Some(1000),
        sha256: Some(Sha256::of(b"2").to_string()),
        declared: "said".to_owned(),
        writer: "first".to_owned(),
        ..UploadRecord::new(pk(), ver("2"), Kept::S3, writing, way)
    };
    store.act(|ledger| ledger.begin_upload(&record).unwrap());
    record
}

fn take(store: &Store, n: u8, position: Option<u64>) -> Taken {
    store.act(|ledger| ledger.take_upload(&object(n), Way::Gateway, "taker", position).unwrap())
}

fn upload(store: &Store, n: u8) -> Option<UploadRecord> {
    store.act(|ledger| ledger.upload(&object(n)).unwrap())
}

fn note(store: &Store, record: &UploadRecord, position: u64, state: &str) -> bool {
    store.act(|ledger| ledger.note_upload(record, position, state).unwrap())
}

fn register(store: &Store, version: &str, n: u8) -> Pushed {
    let stored = Stored {
        store: Kept::S3,
        object: object(n),
        size: 1000,
        md5: Md5::of(b"2"),
        sha256: Sha256::of(b"2"),
        blocks_root: BlocksRoot::of(1000, &[]),
    };
    let new = NewFirmware {
        product: &pk(),
        version: &ver(version),
        stored: &stored,
        sign_method: SignMethod::Md5,
        duties: Duties::default(),
        signature: Some(("5167", "6b6579")),
    };
    store.act(|ledger| ledger.create_firmware(&new).unwrap())
}
