//! Topics of Kafka: on librdkafka's own mock cluster, and on a real one where `WEIR_KAFKA_BROKERS` names it.

mod support;

use std::{
    collections::BTreeMap,
    env, fs,
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    mocking::MockCluster,
    producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _},
};
use support::{Place, Run, delivered, line, until};

const PARTITIONS: i32 = 3;

/// A cluster with topics of its own.
struct Cluster {
    brokers: String,
    mock: Option<MockCluster<'static, DefaultProducerContext>>,
    /// In front of the names of topics and groups.
    prefix: String,
}

impl Cluster {
    /// Each that there is, with these topics.
    fn each(topics: &[&str], test: impl Fn(&Self)) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("weir-{}-{}-", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mock = MockCluster::new(3).unwrap();
        let brokers = mock.bootstrap_servers();
        let mock = Self { brokers, mock: Some(mock), prefix: prefix.clone() };
        for topic in topics {
            mock.mock.as_ref().unwrap().create_topic(&mock.name(topic), PARTITIONS, 1).unwrap();
        }
        test(&mock);
        let Ok(brokers) = env::var("WEIR_KAFKA_BROKERS") else { return };
        let real = Self { brokers, mock: None, prefix };
        let names: Vec<String> = topics.iter().map(|topic| real.name(topic)).collect();
        let new = |name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        let new: Vec<NewTopic<'_>> = names.iter().map(|name| new(name)).collect();
        let admin: AdminClient<DefaultClientContext> = real.client().create().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let made = runtime.block_on(admin.create_topics(&new, &AdminOptions::new())).unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        test(&real);
    }

    fn name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    fn write(&self, topic: &str, partition: i32, messages: impl IntoIterator<Item = String>) {
        let mut config = self.client();
        config.set("linger.ms", "1");
        let producer: BaseProducer = config.create().unwrap();
        let topic = self.name(topic);
        for message in messages {
            let record = BaseRecord::<(), _>::to(&topic).partition(partition).payload(&message);
            assert!(producer.send(record).is_ok());
        }
        producer.flush(Duration::from_secs(60)).unwrap();
    }

    /// A message for each record, in the partitions of a topic.
    fn write_ids(&self, topic: &str, ids: Range<u64>) {
        for partition in 0..PARTITIONS {
            let of = ids.clone().filter(|id| id % PARTITIONS as u64 == partition as u64);
            self.write(topic, partition, of.map(line));
        }
    }

    fn group(&self) -> BaseConsumer {
        self.client().set("group.id", self.name("group")).create().unwrap()
    }

    /// Where the group is in each partition of a topic; -1 where it is nowhere.
    fn committed(&self, topic: &str) -> Vec<i64> {
        let mut all = TopicPartitionList::new();
        all.add_partition_range(&self.name(topic), 0, PARTITIONS - 1);
        let all = self.group().committed_offsets(all, Duration::from_secs(60)).unwrap();
        let offset = |of: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match of.offset() {
            Offset::Offset(n) => n,
            _ => -1,
        };
        all.elements().iter().map(offset).collect()
    }

    fn commit(&self, topic: &str, partition: i32, offset: i64) {
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(&self.name(topic), partition, Offset::Offset(offset)).unwrap();
        self.group().commit(&all, CommitMode::Sync).unwrap();
    }

    /// A place whose source reads these topics.
    fn place(&self, topics: &[&str], keys: &str) -> Place {
        let place = Place::default();
        let begin = place.config.find("type = \"file\"\npaths").unwrap();
        let end = place.config.find("[pipelines.p]").unwrap();
        let old = place.config[begin..end].to_owned();
        let topics: Vec<String> = topics.iter().map(|topic| self.name(topic)).collect();
        let brokers: Vec<&str> = self.brokers.split(',').collect();
        let group = self.name("group");
        place.with(
            &old,
            &format!(
                "type = \"kafka\"\nbrokers = {brokers:?}\ntopics = {topics:?}\ngroup = {group:?}\nsession = \"6s\"\n{keys}\n"
            ),
        )
    }
}

/// Waits until all of these have come, each at least once.
fn all_come(places: &[&Place], ids: Range<u64>) -> BTreeMap<u64, u64> {
    let all = || {
        let mut all = BTreeMap::new();
        let found = places.iter().flat_map(|place| place.delivered());
        found.for_each(|(id, n)| *all.entry(id).or_default() += n);
        all
    };
    until(&format!("{ids:?}, but {:?}", all().len()), || all().into_keys().eq(ids.clone()));
    all()
}

fn ends(run: Run) {
    assert_eq!(run.end(), weir_service::service::Ended::default());
}

#[test]
fn a_group_reads_each_message_once_and_goes_on_where_it_was() {
    Cluster::each(&["a", "b"], |cluster| {
        cluster.write_ids("a", 0..300);
        cluster.write_ids("b", 300..450);
        let place = cluster.place(&["a", "b"], "");
        place.once();
        place.expect(0..450);
        assert_eq!(cluster.committed("a"), [100, 100, 100]);
        assert_eq!(cluster.committed("b"), [50, 50, 50]);
        place.once();
        place.expect(0..450);
        cluster.write_ids("b", 450..480);
        let run = place.start();
        place.expect(0..480);
        cluster.write_ids("a", 480..600);
        place.expect(0..600);
        ends(run);
        assert_eq!(cluster.committed("a"), [140, 140, 140]);
        assert_eq!(cluster.committed("b"), [60, 60, 60]);
        // Nothing of it is in the state directory.
        place.progress("no stream", <[_]>::is_empty);
    });
}

#[test]
fn rejects_and_records_say_which_message_they_are_from() {
    Cluster::each(&["a"], |cluster| {
        let two = format!("{}{}", line(1), line(2));
        cluster.write("a", 1, [line(0), "no flow log\n".to_owned(), two, String::new()]);
        let place =
            cluster.place(&["a"], "").with("sinks = [\"out\"]", "sinks = [\"out\"]\nsource_name = true");
        place.once();
        place.expect(0..3);
        assert_eq!(cluster.committed("a"), [0, 4, 0]);
        let name = |offset: u32| format!("{}/1/{offset}", cluster.name("a"));
        let json = |path: &str| -> Vec<serde_json::Value> {
            let text = fs::read_to_string(place.path(path)).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let rejects = json("state/rejects/p.ndjson");
        assert_eq!(rejects.len(), 1);
        assert_eq!((&rejects[0]["file"], &rejects[0]["line"]), (&name(1).into(), &1.into()));
        let records = json("out.ndjson");
        let from: Vec<_> =
            records.iter().map(|r| (r["log_file"].clone(), r["log_offset"].as_u64())).collect();
        let second = line(1).len() as u64;
        assert_eq!(
            from,
            [(name(0).into(), Some(0)), (name(2).into(), Some(0)), (name(2).into(), Some(second))]
        );
    });
}

#[test]
fn a_group_that_begins_with_the_latest_misses_nothing_from_its_first_start_on() {
    Cluster::each(&["a"], |cluster| {
        cluster.write_ids("a", 0..30);
        let place = cluster.place(&["a"], "start = \"latest\"");
        place.once();
        place.expect(0..0);
        assert_eq!(cluster.committed("a"), [10, 10, 10]);
        // It comes while nobody reads.
        cluster.write_ids("a", 30..60);
        place.once();
        place.expect(30..60);
    });
}

#[test]
fn what_is_not_delivered_is_not_committed_and_comes_again() {
    Cluster::each(&["a"], |cluster| {
        cluster.write_ids("a", 0..90);
        let place = cluster.place(&["a"], "").with("drain = \"60s\"", "drain = \"50ms\"");
        let place = place.with("sinks = [\"out\"]", "sinks = [\"out\", \"dead\"]");
        fs::write(place.path("later"), "a file where a folder should be").unwrap();
        let path = place.path("later/out.ndjson");
        let mut place = place;
        place.config.push_str(&format!("[sinks.dead]\ntype = \"file\"\npath = {path:?}\n"));
        let run = place.start();
        place.expect(0..90);
        let ended = run.end();
        assert!(ended.left > 0 && !ended.is_lost, "{ended:?}");
        assert_eq!(cluster.committed("a"), [0, 0, 0]);
        fs::remove_file(place.path("later")).unwrap();
        let place = place.with("drain = \"50ms\"", "drain = \"60s\"");
        place.once();
        assert_eq!(cluster.committed("a"), [30, 30, 30]);
        assert!(delivered(&path).into_iter().eq((0..90).map(|id| (id, 1))));
        assert!(place.delivered().into_iter().eq((0..90).map(|id| (id, 2))));
    });
}

/// Offsets never go back, and who lost its partitions says nothing of them any more.
#[test]
fn case_51_members_come_and_go_and_nothing_is_lost() {
    Cluster::each(&["a"], |cluster| {
        cluster.write_ids("a", 0..150);
        let places = [0, 1].map(|_| cluster.place(&["a"], ""));
        let first = places[0].start();
        all_come(&[&places[0]], 0..150);
        until("all of it is committed", || cluster.committed("a") == [50; 3]);
        let second = places[1].start();
        let mut end = 150;
        // The second one has some of the partitions in the end.
        until("it has partitions", || {
            cluster.write_ids("a", end..end + 30);
            end += 30;
            all_come(&[&places[0], &places[1]], 0..end);
            !places[1].delivered().is_empty()
        });
        let third = |end: u64| vec![end as i64 / i64::from(PARTITIONS); 3];
        until("all of it is committed", || cluster.committed("a") == third(end));
        ends(first);
        cluster.write_ids("a", end..end + 90);
        let found = all_come(&[&places[0], &places[1]], 0..end + 90);
        ends(second);
        assert_eq!(cluster.committed("a"), third(end + 90));
        // A cluster takes what is done from who gives partitions up. The mock does not, so that what is delivered
        // while they are shared out comes again.
        let is_once = |id: u64| cluster.mock.is_none() || id < 150;
        let others: Vec<_> = found.iter().filter(|(id, n)| is_once(**id) && **n != 1).collect();
        assert!(others.is_empty(), "{others:?}");
    });
}

#[test]
fn a_topic_that_was_made_anew_is_read_from_its_beginning_as_another_one() {
    Cluster::each(&["a"], |cluster| {
        cluster.write_ids("a", 0..30);
        // Where the group was in the topic that had this name before.
        cluster.commit("a", 0, 1000);
        cluster.commit("a", 1, 4);
        let place = cluster.place(&["a"], "start = \"latest\"");
        place.once();
        // Of the second partition what was left, and of the third what comes.
        let left: BTreeMap<u64, u64> =
            (0..30).filter(|id| id % 3 == 0 || id % 3 == 1 && *id >= 12).map(|id| (id, 1)).collect();
        assert_eq!(place.delivered(), left);
        assert_eq!(cluster.committed("a"), [10, 10, 10]);
    });
}

#[test]
fn a_reload_goes_on_with_the_group_and_gives_up_one_that_is_not_wanted() {
    Cluster::each(&["a", "b"], |cluster| {
        cluster.write_ids("a", 0..60);
        let mut place = cluster.place(&["a"], "");
        let run = place.start();
        place.expect(0..60);
        // It is the same one.
        place.config = place.config.replace("[pipelines.p]", "[pipelines.p]\nwhere = \"bytes != 75\"");
        assert_eq!(run.reload(&place), Ok(()));
        cluster.write_ids("a", 60..90);
        let wanted = |place: &Place, ids: Range<u64>| {
            let all: BTreeMap<u64, u64> = ids.filter(|id| *id != 75).map(|id| (id, 1)).collect();
            until("all but one", || place.delivered() == all);
        };
        wanted(&place, 0..90);
        // Another one, which the group has no place for.
        let (a, b) = (cluster.name("a"), cluster.name("b"));
        let topics = format!("topics = {:?}", [&a]);
        place.config = place.config.replace(&topics, &format!("topics = {:?}", [&a, &b]));
        cluster.write_ids("b", 90..120);
        assert_eq!(run.reload(&place), Ok(()));
        wanted(&place, 0..120);
        ends(run);
        assert_eq!((cluster.committed("a"), cluster.committed("b")), (vec![30; 3], vec![10; 3]));
    });
}

#[test]
fn records_go_to_a_topic_and_come_from_it() {
    Cluster::each(&["a", "b"], |cluster| {
        cluster.write_ids("a", 0..150);
        let brokers: Vec<&str> = cluster.brokers.split(',').collect();
        let to = cluster.place(&["a"], "");
        let file = format!("type = \"file\"\npath = {:?}\n", to.path("out.ndjson"));
        let topic = cluster.name("b");
        let to = to.with(&file, &format!("type = \"kafka\"\nbrokers = {brokers:?}\ntopic = {topic:?}\n"));
        to.once();
        let from = cluster.place(&["b"], "");
        from.once();
        from.expect(0..150);
    });
}

#[test]
fn a_cluster_that_is_away_is_waited_for() {
    Cluster::each(&["a"], |cluster| {
        let Some(mock) = &cluster.mock else { return };
        cluster.write_ids("a", 0..30);
        let place = cluster.place(&["a"], "");
        mock.broker_down(-1).unwrap();
        let run = place.start();
        place.expect(0..0);
        mock.broker_up(-1).unwrap();
        place.expect(0..30);
        ends(run);
        assert_eq!(cluster.committed("a"), [10, 10, 10]);
    });
}
