//! Objects by their keys and versions: found, made, changed, removed, each in one step for everybody else.
//!
//! In a bucket with versions nothing is overwritten: what is new stands before what was, and what is deleted gets a
//! marker in front. Suspended, the bucket makes and replaces the version `null` alone. `?versioning` is here, too;
//! deletion only with a second factor is refused.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html>

use std::fs::File;

use http::Method;
use serde::{Deserialize, Serialize};

use super::super::wire::{Fault, Reply};
use super::super::xml::Element;
use super::bucket::{Bucket, New, Staged, now};
use super::model::{self, Contents, Marker, Object, Version};
use super::{Call, disk, http_date, no_key, no_version, xml};

/// What a bucket does with versions; one that never had any is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Versioning {
    Enabled,
    Suspended,
}

impl Versioning {
    /// The id of a new version; as opaque as AWS's.
    fn id(self) -> Option<String> {
        (self == Self::Enabled).then(|| uuid::Uuid::new_v4().simple().to_string())
    }
}

/// What a deletion came to.
#[derive(Debug)]
pub(super) enum Removed {
    /// There was nothing.
    Nothing,
    /// It is hidden behind this.
    Hidden(Marker),
    /// It is gone for good; when, among all changes of the bucket.
    Gone(Version, u64),
}

/// Answers `GET|PUT /bucket?versioning`.
pub(super) fn answer(call: &Call<'_>, bucket: &Bucket) -> Result<Reply, Fault> {
    if call.request.method == Method::GET {
        let status = match bucket.versioning() {
            None => Vec::new(),
            Some(Versioning::Enabled) => vec![Element::leaf("Status", "Enabled")],
            Some(Versioning::Suspended) => vec![Element::leaf("Status", "Suspended")],
        };
        return Ok(xml(&Element::new("VersioningConfiguration", status)));
    }
    let document = call.document("VersioningConfiguration")?;
    if call.request.header("x-amz-mfa").is_some() || document.value("MfaDelete") == Some("Enabled") {
        return Err(Fault::unsupported("S3", "deletion with a second factor (MfaDelete)"));
    }
    let versioning = match document.value("Status") {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(_) => return Err(super::malformed_xml()),
        None => {
            let message = "The Versioning element must be specified";
            return Err(Fault::new(400, "IllegalVersioningConfigurationException", message));
        }
    };
    bucket.config.write(|config| {
        config.versioning = Some(versioning);
        Ok(Reply::empty(200))
    })
}

impl Bucket {
    pub(super) fn versioning(&self) -> Option<Versioning> {
        self.config.read(|config| config.versioning)
    }

    /// Adds the version to an answer, where the bucket has or had some.
    pub(super) fn show_version(&self, reply: Reply, version: Option<&str>) -> Reply {
        match self.versioning() {
            Some(_) => reply.with("x-amz-version-id", model::spelled(version)),
            None => reply,
        }
    }

    /// An object without its bytes; the newest when no version is named.
    pub(super) fn object(&self, key: &str, version: Option<&str>) -> Result<Object, Fault> {
        find(&*self.contents()?, key, version)
    }

    /// An object and its bytes, which stay readable whatever happens to the object.
    pub(super) fn open_object(&self, key: &str, version: Option<&str>) -> Result<(Object, File), Fault> {
        let contents = self.contents()?;
        let object = find(&contents, key, version)?;
        let file = File::open(self.data_file(&object.data)).map_err(|error| disk(&error))?;
        Ok((object, file))
    }

    /// Makes staged bytes an object, if `check` allows it with regard to the object of that key: all of
    /// it happens at once for every other request. With `upload`, that upload ends in the same step.
    pub(super) fn commit(
        &self,
        staged: Staged,
        new: New,
        upload: Option<&str>,
        check: impl FnOnce(Option<&Object>) -> Result<(), Fault>,
    ) -> Result<Object, Fault> {
        let New { key, attributes, checksum, parts } = new;
        let mut contents = self.contents()?;
        if upload.is_some_and(|id| !contents.uploads.contains_key(id)) {
            return Err(super::uploads::no_upload());
        }
        check(contents.objects.get(&key))?;
        let data = self.keep(staged.file)?;
        let (version, modified) = (self.versioning().and_then(Versioning::id), now());
        let (size, etag, sequence) = (staged.size, staged.etag, self.next());
        let object = Object { key, version, size, etag, modified, attributes, checksum, sequence, parts, data };
        self.put(&mut contents, Version::Object(Box::new(object.clone())))?;
        if let Some(id) = upload {
            self.end_upload(&mut contents, id);
        }
        Ok(object)
    }

    /// Changes an object's attributes in place (its tags).
    pub(super) fn amend(
        &self,
        key: &str,
        version: Option<&str>,
        change: impl FnOnce(&mut Object),
    ) -> Result<Object, Fault> {
        let mut contents = self.contents()?;
        let mut object = find(&contents, key, version)?;
        change(&mut object);
        self.save_version(&Version::Object(Box::new(object.clone())))?;
        contents.amend(object.clone());
        Ok(object)
    }

    /// Deletes an object, or one version of it, if `check` allows it with regard to what is read. What is not there
    /// is deleted, too.
    pub(super) fn remove(
        &self,
        key: &str,
        version: Option<&str>,
        check: impl FnOnce(Option<&Object>) -> Result<(), Fault>,
    ) -> Result<Removed, Fault> {
        let mut contents = self.contents()?;
        if let (None, Some(versioning)) = (version, self.versioning()) {
            check(contents.objects.get(key))?;
            let (version, sequence) = (versioning.id(), self.next());
            let marker = Marker { key: key.to_owned(), version, modified: now(), sequence };
            self.put(&mut contents, Version::Marker(marker.clone()))?;
            return Ok(Removed::Hidden(marker));
        }
        let id = version.and_then(model::read);
        let there = contents.find(key, id);
        check(there.as_ref().and_then(|version| match version {
            Version::Object(object) => Some(&**object),
            Version::Marker(_) => None,
        }))?;
        if there.is_some() {
            std::fs::remove_file(self.version_file(key, id)).map_err(|error| disk(&error))?;
        }
        let Some(gone) = contents.take(key, id) else { return Ok(Removed::Nothing) };
        self.drop_data(&gone);
        Ok(Removed::Gone(gone, self.next()))
    }

    /// Makes it the newest version, on disk and in memory.
    fn put(&self, contents: &mut Contents, version: Version) -> Result<(), Fault> {
        self.save_version(&version)?;
        if let Some(old) = contents.put(version) {
            self.drop_data(&old);
        }
        Ok(())
    }

    fn drop_data(&self, version: &Version) {
        if let Version::Object(object) = version {
            self.discard(&object.data);
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html>
fn find(contents: &Contents, key: &str, version: Option<&str>) -> Result<Object, Fault> {
    let about = |fault: Fault, marker: &Marker| {
        let id = model::spelled(marker.version.as_deref());
        fault.header("x-amz-delete-marker", "true").header("x-amz-version-id", id)
    };
    let Some(version) = version else {
        return contents.objects.get(key).cloned().ok_or_else(|| match contents.marker(key) {
            Some(marker) => about(no_key(key), marker),
            None => no_key(key),
        });
    };
    match contents.find(key, model::read(version)) {
        Some(Version::Object(object)) => Ok(*object),
        Some(Version::Marker(marker)) => {
            let message = "The specified method is not allowed against this resource.";
            let fault = Fault::new(405, "MethodNotAllowed", message).member("ResourceType", "DeleteMarker");
            let fault = fault.header("allow", "DELETE").header("last-modified", http_date(marker.modified));
            Err(about(fault, &marker))
        }
        None => Err(no_version(key, version)),
    }
}
