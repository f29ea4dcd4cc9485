//! `s3s-fs`, with what S3 does and it does not: a bucket or an upload that is not there is said to be missing, and
//! parts are listed with their tags, in order, page by page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, ETag, GetObjectInput,
    GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListPartsInput, ListPartsOutput, Part,
    PutObjectInput, PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;

/// Parts on a page. S3 has 1 000: fewer here, so that a test needs no 8 GB to turn one.
const PAGE: usize = 2;

/// The server's side of what it is asked.
pub(crate) struct Folder {
    root: PathBuf,
    files: FileSystem,
    uploads: Arc<Uploads>,
}

/// Uploads that are under way.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<BTreeMap<String, Upload>>);

struct Upload {
    key: String,
    tags: BTreeMap<i32, ETag>,
}

impl Uploads {
    pub(crate) fn keys(&self) -> Vec<String> {
        self.lock().values().map(|upload| upload.key.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Upload>> {
        self.0.lock().expect("no test panics in here")
    }

    fn must_know(&self, id: &str) -> S3Result<()> {
        if self.lock().contains_key(id) { Ok(()) } else { Err(s3_error!(NoSuchUpload)) }
    }
}

impl Folder {
    pub(crate) fn new(root: &Path, uploads: Arc<Uploads>) -> Self {
        let files = FileSystem::new(root).expect("a folder that is there");
        Self { root: root.to_owned(), files, uploads }
    }

    fn must_have(&self, bucket: &str) -> S3Result<()> {
        if self.root.join(bucket).is_dir() { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }
}

#[async_trait::async_trait]
impl S3 for Folder {
    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        self.must_have(&req.input.bucket)?;
        self.files.get_object(req).await
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        self.must_have(&req.input.bucket)?;
        self.files.head_object(req).await
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.must_have(&req.input.bucket)?;
        self.files.put_object(req).await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        self.must_have(&req.input.bucket)?;
        self.files.copy_object(req).await
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.must_have(&req.input.bucket)?;
        self.files.delete_object(req).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.must_have(&req.input.bucket)?;
        let key = req.input.key.clone();
        let response = self.files.create_multipart_upload(req).await?;
        let id = response.output.upload_id.clone().ok_or_else(|| s3_error!(InternalError))?;
        self.uploads.lock().insert(id, Upload { key, tags: BTreeMap::new() });
        Ok(response)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let (id, number) = (req.input.upload_id.clone(), req.input.part_number);
        self.uploads.must_know(&id)?;
        let response = self.files.upload_part(req).await?;
        let tag = response.output.e_tag.clone().ok_or_else(|| s3_error!(InternalError))?;
        match self.uploads.lock().get_mut(&id) {
            Some(upload) => upload.tags.insert(number, tag),
            None => return Err(s3_error!(NoSuchUpload)),
        };
        Ok(response)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let uploads = self.uploads.lock();
        let upload = uploads.get(&req.input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let behind = req.input.part_number_marker.unwrap_or(0);
        let mut rest = upload.tags.range(behind + 1..);
        let parts: Vec<Part> = rest
            .by_ref()
            .take(PAGE)
            .map(|(number, tag)| Part {
                part_number: Some(*number),
                e_tag: Some(tag.clone()),
                last_modified: Some(std::time::SystemTime::UNIX_EPOCH.into()),
                size: Some(0),
                ..Part::default()
            })
            .collect();
        let last = parts.last().and_then(|part| part.part_number);
        let output = ListPartsOutput {
            bucket: Some(req.input.bucket),
            key: Some(req.input.key),
            upload_id: Some(req.input.upload_id),
            max_parts: i32::try_from(PAGE).ok(),
            is_truncated: Some(rest.next().is_some()),
            next_part_number_marker: last,
            parts: Some(parts),
            ..ListPartsOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let id = req.input.upload_id.clone();
        {
            let uploads = self.uploads.lock();
            let upload = uploads.get(&id).ok_or_else(|| s3_error!(NoSuchUpload))?;
            let named = req.input.multipart_upload.as_ref().and_then(|parts| parts.parts.as_ref());
            let is_stored = |(number, tag)| upload.tags.get(&number) == Some(tag);
            let all = named.is_some_and(|parts| {
                parts.iter().all(|part| part.part_number.zip(part.e_tag.as_ref()).is_some_and(is_stored))
            });
            if !all {
                return Err(s3_error!(InvalidPart));
            }
        }
        let response = self.files.complete_multipart_upload(req).await?;
        self.uploads.lock().remove(&id);
        Ok(response)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let id = req.input.upload_id.clone();
        self.uploads.must_know(&id)?;
        let response = self.files.abort_multipart_upload(req).await?;
        self.uploads.lock().remove(&id);
        Ok(response)
    }
}
