//! Which request meets which fault: rules are first in, first out, and gone when they are spent.

use std::collections::VecDeque;
use std::sync::Arc;

use rmq::protocol::{Header, RequestCode};

use crate::broker::MockBroker;
use crate::fault::{Fault, Hold};
use crate::world::{Role, Shared};

#[derive(Default)]
pub(crate) struct Script(VecDeque<Rule>);

struct Rule {
    code: RequestCode,
    /// Who has to be asked; anybody without it.
    at: Option<Role>,
    fields: Vec<(String, String)>,
    left: usize,
    fault: Fault,
}

impl Script {
    /// The fault of the first rule that fits, of which one use is thereby spent.
    pub(crate) fn next(&mut self, asked: Role, header: &Header) -> Option<Fault> {
        let at = self.0.iter().position(|rule| rule.fits(asked, header))?;
        let rule = self.0.get_mut(at)?;
        rule.left -= 1;
        let fault = rule.fault.clone();
        if rule.left == 0 {
            self.0.remove(at);
        }
        Some(fault)
    }
}

impl Rule {
    fn fits(&self, asked: Role, header: &Header) -> bool {
        let has = |(name, value): &(String, String)| header.fields.find(name) == Some(value.as_str());
        let here = self.at.is_none_or(|at| at == asked);
        here && RequestCode::from(header.code) == self.code && self.fields.iter().all(has)
    }
}

/// Says which requests a fault is for; made by [`crate::MockCluster::on`].
#[must_use = "nothing happens before a fault is named"]
pub struct On {
    pub(crate) shared: Arc<Shared>,
    pub(crate) code: RequestCode,
    pub(crate) at: Option<Role>,
    pub(crate) fields: Vec<(String, String)>,
}

impl On {
    /// Only requests to this broker.
    pub fn at(self, broker: &MockBroker) -> On {
        On { at: Some(Role::Broker(broker.index)), ..self }
    }

    /// Only requests whose header has this field.
    pub fn with(mut self, field: &str, value: impl ToString) -> On {
        self.fields.push((field.to_owned(), value.to_string()));
        self
    }

    /// Only requests to the name server.
    pub fn at_name_server(mut self) -> On {
        self.at = Some(Role::NameServer);
        self
    }

    /// Only requests to the broker of that place, the first is 0.
    pub fn at_broker(mut self, index: usize) -> On {
        self.at = Some(Role::Broker(index));
        self
    }

    /// The next such request.
    pub fn once(self, fault: Fault) {
        self.times(1, fault);
    }

    /// The next `count` such requests.
    pub fn times(self, count: usize, fault: Fault) {
        if count > 0 {
            let rule = Rule { code: self.code, at: self.at, fields: self.fields, left: count, fault };
            self.shared.world().script.0.push_back(rule);
        }
    }

    /// All such requests, until [`crate::MockCluster::behave`].
    pub fn always(self, fault: Fault) {
        self.times(usize::MAX, fault);
    }

    /// Keeps the next such request until it is released.
    pub fn hold(self) -> Hold {
        let hold = Hold::new();
        self.once(Fault::hold(&hold));
        hold
    }
}
