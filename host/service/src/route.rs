//! What a pipeline does with batches now. A reload puts another in its place, and whoever reads for
//! the pipeline takes that from its next batch on.

use std::sync::{Arc, Mutex, PoisonError};

use weir_pipeline::Factory;

use crate::outlet::Outlet;

/// How batches become records, and where these go.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) outlet: Arc<Outlet>,
    pub(crate) factory: Arc<dyn Factory>,
}

/// Where the route of a pipeline is found.
#[derive(Clone)]
pub(crate) struct Way(Arc<Mutex<Route>>);

impl Way {
    pub(crate) fn new(route: Route) -> Self {
        Self(Arc::new(Mutex::new(route)))
    }

    /// The route of now. Who keeps it keeps its sinks from ending.
    pub(crate) fn route(&self) -> Route {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn lead(&self, route: Route) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = route;
    }
}
