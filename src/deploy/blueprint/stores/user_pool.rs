//! A user pool with its app clients.

use serde_json::Value;

use super::Store;
use crate::config::resources as config;
use crate::deploy::blueprint::addresses::Address;
use crate::deploy::blueprint::{Drawing, Place, allow};
use crate::deploy::kinds::{Any, Kind, UserPool};
use crate::deploy::late;
use crate::deploy::names::resource_name;
use crate::deploy::resource::{Key, Owner};
use crate::error::Result;

/// What a name may have (128) less what a client adds to it: its own name and a `-`.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html>
const LONGEST: usize = 103;

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitouserpools.html>; signing up and
/// in by an app client without a secret takes no permission at all.
const READ: &[&str] = &[
    "cognito-idp:AdminGetUser",
    "cognito-idp:ListUsers",
    "cognito-idp:ListGroups",
    "cognito-idp:GetGroup",
    "cognito-idp:ListUsersInGroup",
    "cognito-idp:AdminListGroupsForUser",
];
const WRITE: &[&str] = &[
    "cognito-idp:AdminCreateUser",
    "cognito-idp:AdminDeleteUser",
    "cognito-idp:AdminConfirmSignUp",
    "cognito-idp:AdminEnableUser",
    "cognito-idp:AdminDisableUser",
    "cognito-idp:AdminUpdateUserAttributes",
    "cognito-idp:AdminDeleteUserAttributes",
    "cognito-idp:AdminSetUserPassword",
    "cognito-idp:AdminResetUserPassword",
    "cognito-idp:AdminUserGlobalSignOut",
    "cognito-idp:AdminAddUserToGroup",
    "cognito-idp:AdminRemoveUserFromGroup",
    "cognito-idp:CreateGroup",
    "cognito-idp:UpdateGroup",
    "cognito-idp:DeleteGroup",
];
/// A server that signs users in: with the secret of its app client, if that has one.
const SIGN_IN: &[&str] =
    &["cognito-idp:AdminInitiateAuth", "cognito-idp:AdminRespondToAuthChallenge", "cognito-idp:DescribeUserPoolClient"];

impl Store for config::UserPool {
    /// Its id and those of its app clients are places to be filled in: AWS chooses them.
    fn address(&self, name: &str, owner: &Owner, place: &Place) -> Address {
        let own = resource_name(owner, name, "", LONGEST);
        let key = Key::new(Kind::UserPool, &own);
        let id = late::place(&key, "id");
        let arn = place.arn("cognito-idp", &place.region, &format!("userpool/{id}"));
        let mut address = Address { name: own, arn, ..Address::default() }.with_variable(name, "USER_POOL_ID", &id);
        address.late.insert("id".to_owned(), id);
        for client in self.clients.keys() {
            let attribute = format!("clients.{client}.id");
            let id = late::place(&key, &attribute);
            address = address.with_variable(&format!("{name}-{client}"), "CLIENT_ID", &id);
            address.late.insert(attribute, id);
        }
        address
    }

    fn wanted(&self, name: &str, drawing: &Drawing<'_>) -> Result<Vec<Any>> {
        let own = drawing.addresses.get(name)?.name.clone();
        Ok(vec![Any::UserPool(UserPool::wanted(&drawing.owner, own, self))])
    }

    fn statements(&self, address: &Address, access: &str) -> Vec<Value> {
        let pool = std::slice::from_ref(&address.arn);
        match access {
            "read" => vec![allow(READ, pool)],
            "read-write" => vec![allow(READ, pool), allow(WRITE, pool)],
            "sign-in" => vec![allow(SIGN_IN, pool)],
            _ => Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::UserPool]
    }
}
