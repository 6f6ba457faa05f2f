//! GPUs for jobs that run once: leased like those of challenges and told from them by the job in the lease, so that neither side gives
//! back what the other has. When a job's container is gone is known to whoever runs jobs.

use platform_domain::{Candidate, GpuLease, GpuLeaseId, GpuRequest, JobId, NoPlace, Slug, place};
use platform_store::{Connection, StoreError, gpu_leases};

use crate::{
    Engines, FleetError,
    leasing::{new_id, now},
};

impl Engines {
    /// GPUs for one attempt at a job, on a server that has room for it now. With [`FleetError::NoPlace`] none has.
    pub async fn lease_for_job(
        &self,
        slug: &Slug,
        job: &JobId,
        wanted: &GpuRequest,
    ) -> Result<GpuLease, FleetError> {
        let (id, slug, job, wanted) = (new_id()?, slug.clone(), job.clone(), wanted.clone());
        let lease = move |connection: &Connection| {
            let placement = place(&wanted, &gpu_leases::candidates(connection)?)?;
            let of = (&slug, &job);
            Ok::<_, FleetError>(gpu_leases::acquire_for_job(
                connection,
                &id,
                of,
                &placement,
                now(),
            )?)
        };
        self.store().write("job_lease", lease).await
    }

    /// Whether some server would have room if nobody held anything and all were there: if not, no waiting helps.
    pub async fn could_ever_place(&self, wanted: &GpuRequest) -> Result<Result<(), NoPlace>, StoreError> {
        let candidates = self.store().read("job_place", gpu_leases::candidates).await?;
        let emptied: Vec<_> = candidates.into_iter().map(Candidate::emptied).collect();
        Ok(place(wanted, &emptied).map(drop))
    }

    /// What jobs have, held and expired.
    pub async fn leases_of_jobs(&self) -> Result<Vec<GpuLease>, StoreError> {
        self.store().read("job_leases", gpu_leases::of_jobs).await
    }

    /// Gives back GPUs whose container is gone or never was.
    pub async fn release(&self, id: &GpuLeaseId) -> Result<(), StoreError> {
        let id = id.clone();
        let release = move |connection: &Connection| gpu_leases::release(connection, &id);
        self.store().write("gpu_release", release).await.map(drop)
    }

    /// The container of a lease was seen to run: it has not expired after all.
    pub async fn seen_running(&self, id: &GpuLeaseId) -> Result<(), StoreError> {
        let id = id.clone();
        let hold = move |connection: &Connection| gpu_leases::hold_again(connection, &id);
        self.store().write("gpu_hold_again", hold).await.map(drop)
    }
}
