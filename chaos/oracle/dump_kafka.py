"""Writes every message of a topic, up to its present end, as `partition,offset,base64 value`.

Usage: dump_kafka.py <bootstrap servers> <topic> <file>
"""

import base64
import sys
import uuid

from confluent_kafka import Consumer, TopicPartition

POLL_SECONDS_MAX = 30.0


def main() -> None:
    servers, topic, path = sys.argv[1:4]
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"oracle-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "check.crcs": True,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=POLL_SECONDS_MAX).topics[topic].partitions
        places, ends = [], {}
        for partition in partitions:
            place = TopicPartition(topic, partition)
            low, high = consumer.get_watermark_offsets(place, timeout=POLL_SECONDS_MAX)
            if low < high:
                ends[partition] = high
                places.append(TopicPartition(topic, partition, low))
        consumer.assign(places)
        with open(path, "w", encoding="ascii") as output:
            while ends:
                message = consumer.poll(POLL_SECONDS_MAX)
                if message is None:
                    sys.exit(f"no message in {POLL_SECONDS_MAX} s; still missing: {ends}")
                if message.error() is not None:
                    sys.exit(str(message.error()))
                partition, offset = message.partition(), message.offset()
                if partition not in ends or offset >= ends[partition]:
                    continue
                value = base64.b64encode(message.value() or b"").decode("ascii")
                output.write(f"{partition},{offset},{value}\n")
                if offset + 1 >= ends[partition]:
                    del ends[partition]
    finally:
        consumer.close()


main()
