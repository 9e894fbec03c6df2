"""Counts emojis in windows of two seconds with Spark structured streaming, as the peer of `emostream bench windows`.

Says `ready` when Spark is up, waits for a line on standard input, counts all that the input topic holds, and says `done`.

Set up as is best for Spark on this load: one batch of all there is (`availableNow`), so that no batch pays for the next;
update mode, which publishes the last windows without waiting for newer records; as many shuffle partitions as cores instead
of 200; its log quiet and its web pages off.
"""

import argparse
import glob
import os
import sys
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

WINDOW = "2 seconds"
# As Emostream's `window.lateness`.
WATERMARK = "20 milliseconds"


def session(jars: str, cores: int) -> SparkSession:
    return (
        SparkSession.builder.master(f"local[{cores}]")
        .appName("emostream-bench-peer")
        .config("spark.jars", ",".join(sorted(glob.glob(os.path.join(jars, "*.jar")))))
        .config("spark.sql.shuffle.partitions", cores)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )


def count(spark: SparkSession, broker: str, source: str, target: str, checkpoint: str) -> None:
    reaction = StructType([StructField(name, StringType()) for name in ("user_id", "emoji_type", "timestamp")])
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", broker)
        .option("subscribe", source)
        .option("startingOffsets", "earliest")
        .load()
    )
    # The same fields are needed as everywhere: who sends none of them is no reaction.
    reactions = (
        records.select(F.from_json(F.col("value").cast("string"), reaction).alias("reaction"), F.col("timestamp"))
        .where("reaction.user_id is not null and reaction.emoji_type is not null and reaction.timestamp is not null")
        .select(F.col("reaction.emoji_type").alias("emoji_type"), "timestamp")
    )
    counts = (
        reactions.withWatermark("timestamp", WATERMARK)
        .groupBy(F.window("timestamp", WINDOW), "emoji_type")
        .count()
    )
    scaled = F.when(F.col("count") <= 1000, F.lit(1)).otherwise(F.floor(F.col("count") / 1000))
    value = F.to_json(F.struct("window", "emoji_type", "count", scaled.alias("final_count")))
    query = (
        counts.select(value.alias("value"))
        .writeStream.format("kafka")
        .option("kafka.bootstrap.servers", broker)
        .option("topic", target)
        .option("checkpointLocation", checkpoint)
        .outputMode("update")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jars", required=True)
    parser.add_argument("broker")
    parser.add_argument("source")
    parser.add_argument("target")
    args = parser.parse_args()
    spark = session(args.jars, os.cpu_count() or 1)
    spark.sparkContext.setLogLevel("ERROR")
    # A first query loads what any query needs.
    spark.range(1_000).selectExpr("sum(id)").collect()
    print("ready", flush=True)
    sys.stdin.readline()
    with tempfile.TemporaryDirectory() as checkpoint:
        count(spark, args.broker, args.source, args.target, checkpoint)
    print("done", flush=True)
    sys.stdin.readline()
    spark.stop()


if __name__ == "__main__":
    main()
