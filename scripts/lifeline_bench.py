"""What the bench measures: one function a group of rows. Each starts what it needs in a folder of
its own, and returns rows whose figures come from the same run. The machine's other work falls on
both sides of a ratio alike, so ratios are taken round by round.
"""

import base64
import contextlib
import dataclasses
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import threading
import time
import urllib.parse

from lifeline_services import (ROOT, Broker, Gateway, Influx, ServiceError, Services,
                               UnixConnection, free_port, wait_for)

PROFILE = ROOT / "config/profiles/water_main.json"
SERIES_PER_DEVICE = 6  # channels of that profile, with the two built-in ones
PAYLOAD_BYTES, LARGE_BYTES = 142, 16384
YEAR_S = 365 * 86400
POLL_S = 0.05


@dataclasses.dataclass
class Row:
    what: str
    value: float  # None: not measured, and `note` says why
    unit: str = ""
    reach: str = ""  # "<= 1.5"; empty: no figure was set, it is told to explain the others
    rounds: tuple = ()
    note: str = ""

    def met(self):
        if not self.reach or self.value is None:
            return None
        sign, limit = self.reach.split()
        return self.value <= float(limit) if sign == "<=" else self.value >= float(limit)


def median_row(what, rounds, reach="", **more):
    return Row(what, statistics.median(rounds), reach=reach, rounds=tuple(rounds), **more)


def left_out(what, reach, why):
    return Row(what, None, reach=reach, note=why)


def say(text):
    print("bench: " + text, flush=True)


class Site:
    """One gateway with its registry, in a folder of its own; broker and database are common."""

    def __init__(self, bench, name, devices, broker=None, influx=True, **changes):
        self.bench, self.devices = bench, devices
        self.broker = broker or bench.broker
        self.services = Services(bench.folder / name, bench.services.build)
        destinations = [bench.influx.destination()] if influx and bench.influx else []
        # Without a session at the broker, the gateway's absence costs the other one nothing.
        self.gateway = Gateway(self.services, self.broker.uri,
                               self.broker.password_file("gateway"), destinations,
                               mqtt={"session_expiry_s": 0}, **changes)

    def __enter__(self):
        out = self.services.folder / "registry"
        self.bench.finish(self.load(1, "--registry-out", out))
        self.gateway.start()
        self.gateway.ctl("asset", "import", out / "assets.csv")
        self.gateway.ctl("device", "import", out / "devices.csv")
        self.gateway.stop()
        return self

    def __exit__(self, *exc):
        self.services.end_all()

    def load(self, messages, *words, payload=PAYLOAD_BYTES):
        return self.bench.load(self.services, self.broker, self.devices, messages, "--bytes",
                               payload, *words)

    def received(self):
        return self.gateway.ledger()["messages"]["received"]

    def burst(self, messages):
        """Messages as fast as they go; the gateway's costs until all are in the database."""
        process = self.gateway.process
        before = self.received()
        cpu = process.cpu_s()
        sender = self.load(messages)
        wait_for("the first message", lambda: self.received() > before, 30, POLL_S)
        first = time.monotonic()
        wait_for("the last message", lambda: self.received() >= before + messages, 600, POLL_S)
        received_s = time.monotonic() - first
        ledger = self.gateway.wait_settled(before + messages, 600)
        cpu = process.cpu_s() - cpu
        self.bench.finish(sender)
        if not (ledger["messages"]["balanced"] and ledger["readings"]["balanced"]):
            raise ServiceError("the books do not balance: %s" % json.dumps(ledger))
        return {"per_s": messages / received_s, "cpu_us": cpu / messages * 1e6}


class Bench:
    def __init__(self, args, services):
        self.args, self.services, self.folder = args, services, services.folder
        # The bare subscriber knows no credentials.
        self.broker = Broker(services, anonymous=True).start()
        self.influx = Influx(services).start() if Influx.installed() else None
        self.next_seq = 1

    def load(self, services, broker, devices, messages, *words):
        """The sender, started. Sequence numbers go on, so that nothing is a duplicate."""
        process = services.start("lifelinesim", [
            services.program("lifelinesim"), "load", "--uri", broker.uri, "--json",
            "--devices", devices, "--messages", messages, "--readings", 2, "--profile", PROFILE,
            "--decimals", self.args.decimals, "--first-seq", self.next_seq, *words])
        self.next_seq += messages // devices + 1
        return process

    def finish(self, process):
        if process.popen.wait(600) != 0:
            raise ServiceError("lifelinesim: " + process.log_text()[-2000:])
        return json.loads(process.log_text().strip().splitlines()[-1])

    def bare(self, trace="on"):
        """One round of the bare subscriber."""
        log = self.folder / "bare_subscriber.log"
        log.unlink(missing_ok=True)
        process = self.services.start("bare_subscriber", [
            self.services.program("tests/bench/bare_subscriber"), "--uri", self.broker.uri,
            "--topic", "lifeline/v1/up/+", "--count", self.args.messages, "--timeout", 600,
            "--trace", trace])
        wait_for("the bare subscriber",
                 lambda: process.check_runs() and "subscribed" in process.log_text())
        self.finish(self.load(self.services, self.broker, self.args.devices, self.args.messages,
                              "--bytes", PAYLOAD_BYTES))
        if process.popen.wait(120) != 0:
            raise ServiceError("bare_subscriber: " + process.log_text())
        got = json.loads(process.log_text().strip().splitlines()[-1])
        return {"per_s": got["messages"] / got["seconds"],
                "cpu_us": got["cpu_s"] / got["messages"] * 1e6}

    def site(self, name, devices, **more):
        return Site(self, name, devices, **more)

    def site_of_series(self, series, **more):
        return self.site("series-%d" % series, -(-series // SERIES_PER_DEVICE), **more)


def cpu(bench):
    """CPU and rate beside the bare subscriber, turn about."""
    args = bench.args
    bare, quiet, whole = [], [], []
    with bench.site("cpu", args.devices) as site:
        for number in range(1, args.rounds + 1):
            say("cpu: round %d of %d" % (number, args.rounds))
            bare.append(bench.bare())
            site.gateway.start().wait_connected()
            whole.append(site.burst(args.messages))
            site.gateway.stop()
            quiet.append(bench.bare("off"))
    ratios = {key: [w[key] / b[key] for w, b in zip(whole, bare)] for key in ("cpu_us", "per_s")}
    over_quiet = [w["cpu_us"] / q["cpu_us"] for w, q in zip(whole, quiet)]
    return [
        median_row("CPU per message over a bare subscriber's", ratios["cpu_us"], "<= 1.5"),
        median_row("  the same over one that has Paho's trace off too", over_quiet),
        median_row("  the gateway", [w["cpu_us"] for w in whole], unit="us"),
        median_row("  the bare subscriber", [b["cpu_us"] for b in bare], unit="us"),
        median_row("messages per second over a bare subscriber's", ratios["per_s"], ">= 0.9",
                   note="sender, broker and database share the processors with either"),
        median_row("  the gateway", [w["per_s"] for w in whole], unit="/s"),
        median_row("  the bare subscriber", [b["per_s"] for b in bare], unit="/s"),
    ]


def memory_kb(process, key):
    text = pathlib.Path("/proc/%d/status" % process.pid).read_text()
    return int(re.search(r"^%s:\s+(\d+) kB" % key, text, re.MULTILINE).group(1))


def memory(bench):
    """Resident memory after a start, a checkpoint and a message from each device."""
    rows = []
    for series, reach in ((10000, 32), (100000, 128), (1000000, 1024)):
        say("memory: %d series" % series)
        with bench.site_of_series(series) as site:
            gateway = site.gateway.start().wait_connected()
            site.burst(site.devices)
            rows.append(Row("resident memory at %s series" % format(series, ","),
                            memory_kb(gateway.process, "VmRSS") / 1024, "MB", "<= %d" % reach))
            rows.append(Row("  its peak", memory_kb(gateway.process, "VmHWM") / 1024, "MB"))
            gateway.stop()
        shutil.rmtree(site.services.folder)
    return rows


def start_times(site):
    """Until it is at the broker, with a registry and a checkpoint that are there."""
    times = []
    for _ in range(site.bench.args.rounds):
        start = time.monotonic()
        site.gateway.start(wait=False)
        wait_for("the gateway's connection", lambda: site.gateway.answers()
                 and site.gateway.connected(), 60, 0.005)
        times.append(time.monotonic() - start)
        site.gateway.stop()
    return times


def io_written(process):
    text = pathlib.Path("/proc/%d/io" % process.pid).read_text()
    found = dict(re.findall(r"^(\w+): (\d+)$", text, re.MULTILINE))
    return int(found["write_bytes"]) - int(found["cancelled_write_bytes"])


def checkpoints(site):
    """As often as the intake allows: their size, and how long a question to the pipeline waits."""
    gateway = site.gateway
    gateway.config["intake"]["checkpoint_interval_s"] = 1
    gateway.write_config()
    gateway.start().wait_connected()
    size = (gateway.folder / "state/checkpoint").stat().st_size
    begun, longest = counter(gateway, "checkpoints_total"), 0
    # They wait for intake of their own length, which large messages bring soon.
    sender = site.load(3 * size // LARGE_BYTES, payload=LARGE_BYTES)
    while counter(gateway, "checkpoints_total") < begun + 2:
        asked = time.monotonic()
        gateway.get("/api/v1/ledger?device=load-000001")
        longest = max(longest, time.monotonic() - asked)
        time.sleep(0.01)
    site.bench.finish(sender)
    gateway.stop()
    return [
        Row("checkpoint at 1,000,000 series", size / 1e6, "MB",
            note="written once in as many bytes of intake"),
        Row("  longest wait for a device's books meanwhile", longest * 1e3, "ms"),
    ]


def counter(gateway, name):
    with contextlib.closing(UnixConnection(gateway.socket, 60)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    found = re.search(r"^lifeline_%s (\d+)$" % name, text, re.MULTILINE)
    if not found:
        raise ServiceError("/metrics has no counter '%s'" % name)
    return int(found.group(1))


def series(bench):
    """CPU per message with many series beside that with few; start and checkpoint of the many."""
    args = bench.args
    ratios = []
    with bench.site_of_series(1000) as few, bench.site_of_series(1000000) as many:
        for number in range(1, args.rounds + 1):
            say("series: round %d of %d" % (number, args.rounds))
            costs = []
            for site in (few, many):
                site.gateway.start().wait_connected()
                time.sleep(2)  # the first checkpoint is apart
                costs.append(site.burst(args.messages)["cpu_us"])
                site.gateway.stop()
            ratios.append(costs[1] / costs[0])
        say("series: start and checkpoint")
        return [
            median_row("CPU per message at 1,000,000 series over that at 1,000", ratios, "<= 1.5",
                       note="checkpoints apart"),
            median_row("start with 1,000,000 series and a full checkpoint", start_times(many),
                       "<= 5", unit="s", note="until it is at the broker and answers"),
            *checkpoints(many),
        ]


class Recorder(http.server.ThreadingHTTPServer):
    """A database that takes everything and keeps the bodies as files."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), RecorderHandler)
        self.folder = folder
        self.bodies = []  # (file, its Content-Encoding)
        self.url = "http://127.0.0.1:%d" % self.server_address[1]

    @contextlib.contextmanager
    def serving(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()


class RecorderHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.server.folder / ("body-%05d" % len(self.server.bodies))
        path.write_bytes(body)
        self.server.bodies.append((path, self.headers.get("Content-Encoding")))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *words):
        pass


def curl_words(bench, bodies, database):
    """A configuration for curl: every body over one connection, one after another."""
    login = base64.b64encode(("%s:%s" % (bench.influx.user, bench.influx.password)).encode())
    query = urllib.parse.urlencode({"db": database, "precision": "ms"})
    blocks = []
    for path, encoding in bodies:
        blocks.append("\n".join([
            'url = "%s/write?%s"' % (bench.influx.url, query), 'data-binary = "@%s"' % path,
            'header = "Authorization: Basic %s"' % login.decode(),
            'header = "Content-Encoding: %s"' % (encoding or "identity"), "silent", "show-error",
            "fail"]))
    return "\nnext\n".join(blocks) + "\n"


def settle(site, messages):
    wait_for("the backlog to drain", lambda: site.gateway.settled(messages), 600, 0.01)


def drain(bench):
    """A backlog into an empty database: by the gateway, and its bodies by curl."""
    what, reach = "backlog drained to InfluxDB, over curl with the same bodies", ">= 0.8"
    if bench.influx is None or shutil.which("curl") is None:
        return [left_out(what, reach, "it needs InfluxDB and curl")]
    args = bench.args
    messages = 2 * args.messages
    say("drain: a backlog of %d messages" % messages)
    with bench.site("drain", args.devices, influx=False) as site:
        gateway, state = site.gateway, site.gateway.folder / "state"
        full = site.services.folder / "full"

        def start(**destination):
            gateway.config["destinations"] = [bench.influx.destination(**destination)]
            gateway.write_config()
            gateway.start()

        start(url="http://127.0.0.1:%d" % free_port())
        gateway.wait_connected()
        due = site.received() + messages
        bench.finish(site.load(messages))
        wait_for("the backlog", lambda: site.received() >= due and
                 gateway.ledger()["messages"]["in_flight"] == 0, 120)
        gateway.stop()
        state.rename(full)
        bodies_folder = site.services.folder / "bodies"
        bodies_folder.mkdir()
        shutil.copytree(full, state)
        with Recorder(bodies_folder).serving() as recorder:
            start(url=recorder.url)
            settle(site, due)
            gateway.stop()
        by_gateway, by_curl = [], []
        for number in range(1, args.rounds + 1):
            say("drain: round %d of %d" % (number, args.rounds))
            bench.influx.command("CREATE DATABASE curl%d" % number)
            script = site.services.folder / "curl.conf"
            script.write_text(curl_words(bench, recorder.bodies, "curl%d" % number))
            begun = time.monotonic()
            subprocess.run(["curl", "-K", script], check=True, stdout=subprocess.DEVNULL,
                           timeout=600)
            by_curl.append(time.monotonic() - begun)
            bench.influx.command("DROP DATABASE curl%d" % number)
            bench.influx.command("CREATE DATABASE drain%d" % number)
            shutil.rmtree(state)
            shutil.copytree(full, state)
            # Held until the gateway is up, so that its start is not counted.
            bench.influx.process.popen.send_signal(signal.SIGSTOP)
            start(database="drain%d" % number)
            gateway.wait_connected()
            bench.influx.process.popen.send_signal(signal.SIGCONT)
            begun = time.monotonic()
            settle(site, due)
            by_gateway.append(time.monotonic() - begun)
            gateway.stop()
            bench.influx.command("DROP DATABASE drain%d" % number)
    return [
        median_row(what, [c / g for c, g in zip(by_curl, by_gateway)], reach,
                   note="%d requests" % len(recorder.bodies)),
        median_row("  the gateway", [2 * messages / s for s in by_gateway], unit="readings/s"),
        median_row("  curl", [2 * messages / s for s in by_curl], unit="readings/s"),
    ]


class Disk:
    """A file system of its own in a file, so that its device counts what reaches it, the file
    system's own writes included. Where it cannot be mounted, the kernel's count for the process
    stands in, which is too high where large folios make it count pages that were clean."""

    def __init__(self, folder, stack):
        self.folder, self.device = folder, None
        image = folder.with_suffix(".image")
        folder.mkdir(parents=True)
        with open(image, "wb") as file:
            file.truncate(512 << 20)
        try:
            # All of it made at once, so that nothing is left to write later.
            lazy = "lazy_itable_init=0,lazy_journal_init=0"
            for words in (["mkfs.ext4", "-q", "-E", lazy, image],
                          ["mount", "-o", "loop", image, folder]):
                subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            return
        stack.callback(subprocess.run, ["umount", folder], check=True)
        device = folder.stat().st_dev
        self.device = pathlib.Path("/sys/dev/block/%d:%d/stat" % (os.major(device),
                                                                  os.minor(device)))

    def written(self, process):
        if self.device is None:
            return io_written(process)
        subprocess.run(["sync", "-f", self.folder], check=True)
        return int(self.device.read_text().split()[6]) * 512


def disk(bench):
    """Bytes written for a byte of payload, under load and with few sensors, at the same time."""
    seconds = 121  # twice what the cursors wait for
    few = (1000, 1000 / 300)
    cases = [("busy", bench.args.devices, 2000, {}), ("quiet", *few, {}),
             ("quiet-5-s", *few, {"sync_interval_ms": 5000})]
    say("disk: %d s" % seconds)
    with contextlib.ExitStack() as stack:
        runs = []
        for name, devices, rate, intake in cases:
            own = Disk(bench.folder / ("disk-" + name), stack)
            # A broker of its own: each gateway hears its own devices only.
            services = stack.enter_context(Services(bench.folder / ("broker-" + name),
                                                    bench.services.build))
            site = stack.enter_context(bench.site(
                "gateway-" + name, devices, broker=Broker(services, anonymous=True).start(),
                gateway={"data_dir": str(own.folder / "state"), "self_report_s": 10},
                intake=intake))
            site.gateway.start().wait_connected()
            stack.callback(site.gateway.stop)
            site.load(int(rate * 10 * seconds), "--rate", rate)
            runs.append((site, own))
        busy, quiet = runs[0], runs[1:]

        def mark(site, own):
            return own.written(site.gateway.process), site.received()

        # Under load from checkpoint to checkpoint; few sensors bring none meanwhile.
        begun = time.monotonic()
        marks = {run: [mark(*run)] for run in quiet}
        marks[busy], seen = [], counter(busy[0].gateway, "checkpoints_total")
        while time.monotonic() < begun + seconds or len(marks[busy]) < 2:
            time.sleep(0.1)
            count = counter(busy[0].gateway, "checkpoints_total")
            if count > seen:
                seen = count
                marks[busy].append(mark(*busy))
            if time.monotonic() > begun + 5 * seconds:
                raise ServiceError("no two checkpoints under load")
        for run in quiet:
            marks[run].append(mark(*run))
        note = "" if all(own.device for _, own in runs) else "too high: as dirtied, not written"
    per_byte = [(marks[run][-1][0] - marks[run][0][0]) /
                (marks[run][-1][1] - marks[run][0][1]) / PAYLOAD_BYTES for run in runs]
    year_gb = few[1] * PAYLOAD_BYTES * YEAR_S / 1e9
    return [
        Row("bytes written per byte of payload, 2,000 messages/s", per_byte[0], reach="<= 4",
            note=note),
        Row("  1,000 sensors at 5 min", per_byte[1], reach="<= 4",
            note=note or "each message is synced by itself; with the checkpoints 0.4 more"),
        Row("  a year", per_byte[1] * year_gb, "GB"),
        Row("  with sync_interval_ms 5000", per_byte[2]),
        Row("  a year", per_byte[2] * year_gb, "GB"),
    ]


def latency(bench):
    """From readings that raise alarms to the retained alarms, with other messages coming in. Each
    round raises those of devices that have none yet."""
    alarms, rate, interval_ms, around_s = 600, 5000, 20, 4
    args = bench.args
    seconds = alarms * interval_ms / 1000 + 2 * around_s
    measured, rates = [], []
    with bench.site("latency", args.devices) as site:
        site.gateway.start().wait_connected()
        for number in range(args.rounds):
            say("latency: round %d of %d" % (number + 1, args.rounds))
            register_manholes(site, alarms * number, alarms)
            before = site.received()
            sender = site.load(int(rate * seconds), "--rate", rate)
            wait_for("the load", lambda: site.received() > before, 30, POLL_S)
            time.sleep(around_s)
            begun, before = time.monotonic(), site.received()
            measured.append(alarm_latency(site, alarms * number, alarms, interval_ms))
            rates.append((site.received() - before) / (time.monotonic() - begun))
            if not sender.running():
                raise ServiceError("the load ended before the last alarm came")
            bench.finish(sender)
        site.gateway.stop()
    return [
        median_row("reading published to retained alarm, p99 at 5,000 messages/s",
                   [m["p99_ms"] for m in measured], "<= 50", unit="ms",
                   note="%d alarms a round; load average %.1f" % (alarms, os.getloadavg()[0])),
        median_row("  p50", [m["p50_ms"] for m in measured], unit="ms"),
        median_row("  the longest", [m["most_ms"] for m in measured], unit="ms"),
        median_row("  messages that came in meanwhile", rates, unit="/s"),
    ]


def register_manholes(site, first, count):
    names = ["alarm-%06d" % number for number in range(first + 1, first + count + 1)]
    for noun, head, row in (("asset", "id,kind", "%s,manhole"),
                            ("device", "id,asset,profile", "%s,%s,manhole")):
        file = site.services.folder / (noun + "s.csv")
        file.write_text("\n".join([head] + [row.replace("%s", name) for name in names]) + "\n")
        site.gateway.ctl(noun, "import", file)


def alarm_latency(site, first, alarms, interval_ms):
    log = site.services.folder / "alarm_latency.log"
    log.unlink(missing_ok=True)
    process = site.services.start("alarm_latency", [
        site.services.program("tests/bench/alarm_latency"), "--port", site.broker.port,
        "--first", first + 1, "--alarms", alarms, "--interval-ms", interval_ms])
    if process.popen.wait(300) != 0:
        raise ServiceError("alarm_latency: " + process.log_text())
    return json.loads(process.log_text().strip().splitlines()[-1])


GROUPS = {"cpu": cpu, "series": series, "memory": memory, "drain": drain, "disk": disk,
          "latency": latency}
