//! The daily check: what is not registered as it should be is registered again, and told of.

use registration::Done;

use crate::{Registrar, Target, Trouble, refusals};

impl Registrar {
    pub(crate) async fn check(&self, request_id: &str) -> Result<(), Trouble> {
        let checked = self.compare_and_repair().await;
        match &checked {
            Ok(done) => self.announcer.announce(done, request_id).await,
            Err(_) => self.announcer.failed(1),
        }
        refusals(checked?.iter())
    }

    async fn compare_and_repair(&self) -> Result<Vec<Done>, Trouble> {
        let target = Target::read(&self.properties)?;
        self.repair(&target, &self.credentials().await?).await
    }
}
