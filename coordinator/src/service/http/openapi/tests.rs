use super::*;
use crate::service::contents::{self, Contents};
use crate::service::http::health::{self, Health};
use crate::service::http::metrics::{self, Metrics};
use axum::extract::FromRef;
use std::sync::Arc;

/// What handlers ask for; none is called.
#[derive(Clone)]
struct State;

macro_rules! part {
    ($kind:ty) => {
        impl FromRef<State> for Arc<$kind> {
            fn from_ref(_: &State) -> Self {
                panic!("no handler is called")
            }
        }
    };
}
part!(Contents);
part!(Health);
part!(Metrics);

fn description(has_tokens: bool) -> OpenApi {
    let router: OpenApiRouter<State> =
        base().merge(health::router()).merge(contents::router()).merge(metrics::router());
    let (_, mut description) = router.split_for_parts();
    complete(&mut description, has_tokens);
    description
}

#[test]
fn every_operation_has_errors() {
    let mut description = description(false);
    assert!(!description.paths.paths.is_empty());
    for item in description.paths.paths.values_mut() {
        for operation in operations(item) {
            assert!(operation.responses.responses.contains_key("default"));
            assert!(operation.security.is_none());
        }
    }
}

#[test]
fn tokens_are_asked_for_where_data_is() {
    let mut description = description(true);
    for (path, item) in &mut description.paths.paths {
        for operation in operations(item) {
            assert_eq!(operation.security.is_some(), !is_public(path), "{path}");
            assert_eq!(operation.responses.responses.contains_key("401"), !is_public(path));
        }
    }
}

#[test]
fn references_lead_to_what_is_there() {
    let text = description(true).to_pretty_json().unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(json["openapi"].as_str().unwrap().starts_with("3.1"), "{}", json["openapi"]);

    for reference in text.split("\"$ref\": \"#").skip(1) {
        let place = reference.split('"').next().unwrap();
        assert!(json.pointer(place).is_some(), "{place}");
    }
}
