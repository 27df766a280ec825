"""
Reads and writes topics with librdkafka and fastavro, which share no code with K2.

    independent_client.py read  OPTIONS    a JSON line per message, by partition and offset
    independent_client.py write OPTIONS    messages from standard input, one JSON line each
    independent_client.py identify OPTIONS the topic's id

OPTIONS is JSON: client (settings of librdkafka), topic, schema (Avro, a text), registry (settings
of the registry's client; absent: single-object encoding), from (offset of the first message to read
of a partition; absent: the oldest).
"""

import base64
import datetime
import decimal
import io
import json
import sys

import fastavro
from confluent_kafka import Consumer, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

SECONDS_MAX = 30
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def rich(value, types):
    """Decimals come as texts, since JSON's numbers are no decimals."""
    return {
        name: decimal.Decimal(each) if types[name] == "decimal" else each
        for name, each in value.items()
    }


def decimal_fields(schema):
    return {
        field["name"]: field["type"].get("logicalType") if isinstance(field["type"], dict) else None
        for field in schema["fields"]
    }


def header_of(schema):
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    fingerprint = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
    return b"\xc3\x01" + bytes.fromhex(fingerprint)


def with_registry(options):
    """Loaded where it is needed: it warns of what it uses itself."""
    from confluent_kafka.schema_registry import SchemaRegistryClient, avro
    from confluent_kafka.serialization import MessageField, SerializationContext

    registry = SchemaRegistryClient(options["registry"])
    return avro, registry, SerializationContext(options["topic"], MessageField.VALUE)


def decoder(options):
    if "registry" in options:
        avro, registry, context = with_registry(options)
        deserialize = avro.AvroDeserializer(registry)
        return lambda value: deserialize(value, context)
    parsed = fastavro.parse_schema(json.loads(options["schema"]))
    header = header_of(json.loads(options["schema"]))

    def decode(value):
        if value[: len(header)] != header:
            raise ValueError(f"header {value[:len(header)].hex()}, expected {header.hex()}")
        return fastavro.schemaless_reader(io.BytesIO(value[len(header) :]), parsed)

    return decode


def encoder(options):
    schema = json.loads(options["schema"])
    if "registry" in options:
        avro, registry, context = with_registry(options)
        serialize = avro.AvroSerializer(registry, options["schema"])
        return lambda value: serialize(value, context)
    parsed = fastavro.parse_schema(schema)
    header = header_of(schema)

    def encode(value):
        out = io.BytesIO()
        out.write(header)
        fastavro.schemaless_writer(out, parsed, value)
        return out.getvalue()

    return encode


def read(options):
    decode = decoder(options) if options.get("decode", True) else lambda value: value.decode()
    topic = options["topic"]
    consumer = Consumer(
        {
            "group.id": "independent",
            "enable.auto.commit": False,
            "check.crcs": True,
            **options["client"],
        }
    )
    partitions = consumer.list_topics(topic, SECONDS_MAX).topics[topic].partitions
    for partition in sorted(partitions):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), SECONDS_MAX)
        low = max(low, options.get("from", {}).get(str(partition), low))
        if low >= high:
            continue
        consumer.assign([TopicPartition(topic, partition, low)])
        position = low
        while position < high:
            message = consumer.poll(SECONDS_MAX)
            if message is None:
                raise TimeoutError(f"nothing at {topic}-{partition} offset {position}")
            if message.error():
                raise RuntimeError(str(message.error()))
            position = message.offset() + 1
            line = {
                "partition": partition,
                "offset": message.offset(),
                "timestamp": message.timestamp()[1],
                "key": message.key().decode(),
                "value": plain(decode(message.value())),
            }
            sys.stdout.write(json.dumps(line) + "\n")
    consumer.close()


def write(options):
    encode = encoder(options)
    types = decimal_fields(json.loads(options["schema"]))
    producer = Producer({"partitioner": "murmur2_random", **options["client"]})
    failures = []
    for line in sys.stdin:
        message = json.loads(line)
        producer.produce(
            options["topic"],
            key=message["key"],
            value=encode(rich(message["value"], types)),
            on_delivery=lambda error, _: failures.append(str(error)) if error else None,
        )
    if producer.flush(SECONDS_MAX) > 0 or failures:
        raise RuntimeError(f"not delivered: {failures}")


def identify(options):
    """As Kafka's tools print it."""
    asked = TopicCollection([options["topic"]])
    admin = AdminClient({**options["client"], "log_level": 4})
    found = admin.describe_topics(asked)[options["topic"]].result(SECONDS_MAX)
    halves = found.topic_id.get_most_significant_bits(), found.topic_id.get_least_significant_bits()
    raw = b"".join((half % 2**64).to_bytes(8, "big") for half in halves)
    sys.stdout.write(base64.urlsafe_b64encode(raw).decode().rstrip("="))


if __name__ == "__main__":
    {"read": read, "write": write, "identify": identify}[sys.argv[1]](json.loads(sys.argv[2]))
