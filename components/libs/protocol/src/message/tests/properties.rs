//! Whatever arrives, a request or a bounded refusal comes out.

use proptest::prelude::*;

use crate::message::*;
use crate::reply;

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<f64>().prop_filter("JSON has no NaN", |n| n.is_finite()).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        ".{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(("[a-z]{0,8}", inner), 0..5).prop_map(|fields| {
                let fields: Vec<_> =
                    fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

fn check(payload: &[u8]) {
    let refusals = [
        decode_inform(payload).err(),
        decode_progress(payload).err(),
        decode_getversion(payload).err(),
        decode_upgrade_reply(payload).err(),
    ];
    for refused in refusals.into_iter().flatten() {
        assert!(refused.message.len() < 200);
        let reply = reply::error(refused.id.as_ref(), refused.code, Some(&refused.message));
        serde_json::from_slice::<serde::de::IgnoredAny>(&reply).unwrap();
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(payload in proptest::collection::vec(any::<u8>(), 0..512)) {
        check(&payload);
    }

    #[test]
    fn no_json_panics(id in json(), params in json(), version in json(), step in json(), desc in json()) {
        check(format!(r#"{{"id":{id},"params":{params},"code":{step},"message":{desc}}}"#).as_bytes());
        check(format!(r#"{{"id":{id},"params":{{"version":{version},"step":{step},"desc":{desc}}}}}"#).as_bytes());
    }

    #[test]
    fn no_cut_message_panics(cut in 0usize..90) {
        let payload = r#"{"method":"é","id":"1","params":{"version":"initVersion","step":"20","desc":"😀"}}"#;
        check(&payload.as_bytes()[..cut.min(payload.len())]);
    }

    #[test]
    fn every_id_comes_back(id in json()) {
        prop_assume!(id.len() <= MAX_ID);
        let payload = format!(r#"{{"id":{id}}}"#);
        let request = decode_getversion(payload.as_bytes()).unwrap();
        let expected = format!(r#"{{"id":{id},"code":200,"data":[]}}"#);
        prop_assert_eq!(reply::offers(request.id.as_ref(), &[]), expected.into_bytes());
    }

    #[test]
    fn every_version_comes_through(version in "[^\\p{Cc}]{1,128}") {
        let text = serde_json::to_string(&version).unwrap();
        let payload = format!(r#"{{"params":{{"version":{text}}}}}"#);
        let request = decode_inform(payload.as_bytes()).unwrap();
        prop_assert_eq!(request.params.version.as_str(), version);
    }

    #[test]
    fn every_step_comes_through_as_number_and_as_text(step in i32::MIN..=100) {
        for json in [format!("{step}"), format!("\"{step}\""), format!("{step}.0"), format!("\" {step}\"")] {
            let payload = format!(r#"{{"params":{{"step":{json}}}}}"#);
            prop_assert_eq!(decode_progress(payload.as_bytes()).unwrap().params.step.as_i32(), step);
        }
    }

    #[test]
    fn words_are_bounded_and_whole(desc in "\\PC{0,3000}") {
        let text = serde_json::to_string(&desc).unwrap();
        let payload = format!(r#"{{"params":{{"step":1,"desc":{text}}}}}"#);
        let kept = decode_progress(payload.as_bytes()).unwrap().params.desc.unwrap();
        prop_assert!(kept.len() <= MAX_TEXT && desc.starts_with(&kept));
        prop_assert!(kept.len() == desc.len() || kept.len() > MAX_TEXT - 4);
    }
}
