//! What a user subscribes to, before the start and while the consumer runs.

use std::sync::Arc;

use super::selector::{ExpressionType, MessageSelector};
use super::sql_check;
use super::subscription::{self, Subscription};
use super::topic_pattern::TopicPattern;
use crate::consumer::lifecycle::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::message::namespace;
use crate::runtime::threads::promise;

impl Inner {
    pub(crate) fn subscribe(&self, topic: &str, selector: &MessageSelector) -> Result<()> {
        self.refuse_ended("subscribe")?;
        let topic = &self.wrapped(topic);
        let Some(new) = self.subscriptions().preview(topic, selector)? else {
            // Nothing changes but that it is now the user's own and no pattern's.
            return self.subscriptions().set(topic, selector).map(drop);
        };
        if let Some(doubt) = new.doubt() {
            self.log().warn("subscriptions", doubt);
        }
        self.check(new)?;
        if self.subscriptions().set(topic, selector)? {
            self.subscriptions_changed();
        }
        Ok(())
    }

    pub(crate) fn unsubscribe(&self, topic: &str) -> Result<()> {
        self.refuse_ended("unsubscribe")?;
        if self.subscriptions().remove(&self.wrapped(topic))? {
            self.subscriptions_changed();
            // A pattern may take it over.
            self.patterns_changed();
        }
        Ok(())
    }

    pub(crate) fn subscribe_pattern(&self, topic_regex: &str, selector: &MessageSelector) -> Result<()> {
        self.refuse_ended("subscribe")?;
        let pattern = TopicPattern::new(topic_regex, selector.clone())?.within(self.namespace_prefix());
        if self.subscriptions().add_pattern(pattern)? {
            self.patterns_changed();
        }
        Ok(())
    }

    pub(crate) fn unsubscribe_pattern(&self, topic_regex: &str) -> Result<()> {
        self.refuse_ended("unsubscribe")?;
        if self.subscriptions().remove_pattern(topic_regex) {
            self.subscriptions_changed();
        }
        Ok(())
    }

    pub(crate) fn filter_regex(&self, topic: &str, field: &str, regex: &str) -> Result<()> {
        self.refuse_ended("set a filter")?;
        subscription::check_topic(topic)?;
        self.subscriptions().filters().set(&self.wrapped(topic), field, regex)
    }

    /// The topic as brokers know it.
    fn wrapped(&self, topic: &str) -> String {
        namespace::wrap(self.namespace_prefix(), topic)
    }

    /// Lets brokers check an SQL condition while the consumer runs; the start does it for all.
    pub(crate) fn check(&self, new: Subscription) -> Result<()> {
        let Some(engine) = self.engine().filter(|_| new.kind == ExpressionType::Sql92) else { return Ok(()) };
        // Two requests to the name server's and the brokers' time limit, and connecting to both.
        let bound = 2 * (self.config().request_timeout + self.config().connect_timeout);
        let what = format!("SQL92 {:?} for topic {}", new.expression, new.topic);
        let (answer, work) = promise(sql_check::check_new(Arc::clone(&engine), new));
        engine.tasks.spawn("sql check", work);
        answer.wait(bound).unwrap_or_else(|| {
            let text = format!("{what}: no broker checked it within {} ms", bound.as_millis());
            Err(Error::new(ErrorKind::Timeout, text))
        })
    }

    fn subscriptions_changed(&self) {
        if let Some(engine) = self.engine() {
            engine.resubscribed.notify_one();
        }
    }

    fn patterns_changed(&self) {
        if let Some(engine) = self.engine() {
            engine.repattern.notify_one();
        }
    }
}
