//! The daily check: what is not registered as it should be is registered again, and told of.

use registration::Done;

use crate::{Registrar, Target, Trouble, refusals};

impl Registrar {
    pub(crate) async fn check(&self, request_id: &str) -> Result<(), Trouble> {
        let mut done = Vec::new();
        let checked = self.compare_and_repair(&mut done).await;
        self.announcer.announce(&done, request_id).await;
        if checked.is_err() {
            self.announcer.failed();
        }
        checked.and_then(|()| refusals(done.iter()))
    }

    async fn compare_and_repair(&self, done: &mut Vec<Done>) -> Result<(), Trouble> {
        let target = Target::read(&self.properties)?;
        self.repair(&target, &self.credentials().await?, done).await
    }
}
