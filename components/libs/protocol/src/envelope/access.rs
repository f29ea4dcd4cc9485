//! A broker's questions: may this client come in, may it use this topic.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EnvelopeError, present};
use crate::json::Scalar;
use crate::query;
use crate::secret::Secret;
use crate::topic::Action;

/// A login, as `{"clientid"|"client_id","username","password"}` in JSON or as a form.
/// A missing password is an empty one, which no device has.
///
/// ```
/// use ota_protocol::envelope::auth_request;
/// let request = auth_request(b"clientid=c%7C&username=dk%26pk&password=p1")?;
/// assert_eq!((request.client_id.as_str(), request.username.as_str()), ("c|", "dk&pk"));
/// assert_eq!(request.password.expose(), "p1");
/// # Ok::<(), ota_protocol::envelope::EnvelopeError>(())
/// ```
pub fn auth_request(body: &[u8]) -> Result<AuthRequest, EnvelopeError> {
    let fields = Fields::read(body)?;
    Ok(AuthRequest {
        client_id: fields.client_id()?,
        username: present(fields.username).ok_or(EnvelopeError::Missing("username"))?,
        password: Secret::new(fields.password.unwrap_or_default()),
    })
}

/// A question about one topic: `access` `1` subscribes and `2` publishes (RMQTT, NanoMQ), or
/// `action` says so (EMQX). JSON or a form.
///
/// ```
/// use ota_protocol::{envelope::acl_request, topic::Action};
/// let request = acl_request(br#"{"clientid":"c","username":"dk&pk","access":"2","topic":"/t"}"#)?;
/// assert_eq!(request.action, Action::Publish);
/// # Ok::<(), ota_protocol::envelope::EnvelopeError>(())
/// ```
pub fn acl_request(body: &[u8]) -> Result<AclRequest, EnvelopeError> {
    let fields = Fields::read(body)?;
    Ok(AclRequest {
        action: fields.action()?,
        client_id: fields.client_id()?,
        username: present(fields.username).ok_or(EnvelopeError::Missing("username"))?,
        topic: present(fields.topic).ok_or(EnvelopeError::Missing("topic"))?,
    })
}

/// A client that wants to come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRequest {
    /// The MQTT client id.
    pub client_id: String,
    /// The MQTT username.
    pub username: String,
    /// The MQTT password.
    pub password: Secret,
}

/// A client that wants to use a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclRequest {
    /// The MQTT client id.
    pub client_id: String,
    /// The MQTT username.
    pub username: String,
    /// What it wants to do.
    pub action: Action,
    /// The topic, or the filter with its wildcards.
    pub topic: String,
}

#[derive(Default)]
struct Fields {
    clientid: Option<String>,
    client_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    topic: Option<String>,
    access: Option<String>,
    action: Option<String>,
}

impl Fields {
    fn read(body: &[u8]) -> Result<Self, EnvelopeError> {
        if body.trim_ascii_start().starts_with(b"{") {
            return Ok(serde_json::from_slice::<JsonFields<'_>>(body)?.into());
        }
        let form = std::str::from_utf8(body).map_err(|_| EnvelopeError::Text)?;
        let field = |name| query::value(form, name);
        Ok(Self {
            clientid: field("clientid"),
            client_id: field("client_id"),
            username: field("username"),
            password: field("password"),
            topic: field("topic"),
            access: field("access"),
            action: field("action"),
        })
    }

    fn client_id(&self) -> Result<String, EnvelopeError> {
        present(self.clientid.clone())
            .or_else(|| present(self.client_id.clone()))
            .ok_or(EnvelopeError::Missing("clientid"))
    }

    fn action(&self) -> Result<Action, EnvelopeError> {
        match (self.access.as_deref(), self.action.as_deref()) {
            (Some("1"), _) | (None, Some("subscribe")) => Ok(Action::Subscribe),
            (Some("2"), _) | (None, Some("publish")) => Ok(Action::Publish),
            (None, None) => Err(EnvelopeError::Missing("access")),
            (Some(_), _) => Err(EnvelopeError::Unknown("access")),
            (None, Some(_)) => Err(EnvelopeError::Unknown("action")),
        }
    }
}

#[derive(Deserialize)]
struct JsonFields<'a> {
    clientid: Option<String>,
    client_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    topic: Option<String>,
    /// A string or a number.
    #[serde(borrow)]
    access: Option<&'a RawValue>,
    action: Option<String>,
}

impl From<JsonFields<'_>> for Fields {
    fn from(fields: JsonFields<'_>) -> Self {
        Self {
            clientid: fields.clientid,
            client_id: fields.client_id,
            username: fields.username,
            password: fields.password,
            topic: fields.topic,
            access: fields.access.and_then(|raw| Scalar::of(raw).into_text()),
            action: fields.action,
        }
    }
}
