//! Uploads under way: one writer at a time, found again by what they are, and no firmware of an object that is doomed.

use ota_image::objects::Writing;
use ota_image::{BlocksRoot, Md5, ObjectId, Sha256, Store as Kept, Stored};
use ota_ledger::Sql as _;
use ota_ledger::firmware::{NewFirmware, Pushed};
use ota_ledger::record::{Duties, UploadRecord, Way};
use ota_ledger::upload::Sought;
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
    let second = store.act(|ledger| ledger.take_upload(&object(1), "second").unwrap()).unwrap();
    assert_eq!(second.writer, "second");
    assert!(!note(&store, &first, 10, "late"));
    assert!(note(&store, &second, 20, "now"));
    assert_eq!(upload(&store, 1).unwrap().position, 20);
    assert!(store.act(|ledger| ledger.take_upload(&object(2), "x").unwrap()).is_none());
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
    let doomed = || store.act(|ledger| ledger.doomed_upload().unwrap()).map(|upload| upload.writing.object);
    let begun = begun(&store, 1, Way::Gateway);
    store.pass(DAY - 1);
    assert_eq!(doomed(), None);
    assert!(note(&store, &begun, 10, "state"), "it goes on, and its day begins anew");
    store.pass(DAY - 1);
    assert_eq!(doomed(), None);
    store.pass(1);
    assert_eq!(doomed(), Some(object(1)));
    assert!(!note(&store, &begun, 20, "late"));
    assert!(upload(&store, 1).is_none());
    // Whoever was to remove it died: another comes for it, a minute later.
    assert_eq!(doomed(), None);
    store.pass(60_000);
    assert_eq!(doomed(), Some(object(1)));
    store.act(|ledger| ledger.forget_upload(&object(1)).unwrap());
    store.pass(60_000);
    assert_eq!(doomed(), None);
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
    store.act(|ledger| ledger.quarantine(&pk(), &ver("2"), &id("d"), "damage").unwrap());
    begun(&store, 2, Way::Gateway);
    let Pushed::Repaired(firmware) = register(&store, "2", 2) else { panic!("it was damaged") };
    assert_eq!((firmware.image.object, firmware.quarantined_at), (object(2), None));
    let doomed = store.act(|ledger| ledger.doomed_upload().unwrap()).unwrap();
    assert_eq!((doomed.writing.object, doomed.size), (object(1), Some(1000)));
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
