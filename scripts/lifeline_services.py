"""Starts and ends what the demo, the integration tests and the bench need: a private broker, the
databases, the gateway and the simulator. Each listens on a free loopback port and keeps its files
under one folder. What was started here is ended here, by process id, and nothing else.
"""

import base64
import ctypes
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATABASE = "lifeline"
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class ServiceError(Exception):
    """A service that did not start, did not end, or did not do what it was asked."""


def die_with_parent():
    """In the child: a parent that is killed takes it along."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, probe, limit_s=30.0, every_s=0.05):
    """Waits until probe() gives something true, and returns it."""
    if os.environ.get("LIFELINE_SANITIZER"):
        limit_s *= 4
    until = time.monotonic() + limit_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > until:
            raise ServiceError("waited %.0f s for %s" % (limit_s, what))
        time.sleep(every_s)


def accepts(port):
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")


class Process:
    """One program that was started, its log, and how to end it."""

    def __init__(self, name, command, log, detached=False, env=None):
        self.name, self.log = name, log
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=detached, env=env,
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def check_runs(self):
        if not self.running():
            raise ServiceError("%s ended with status %d; its last words:\n%s" % (
                self.name, self.popen.returncode, "\n".join(self.log_text().splitlines()[-15:])))
        return True

    def end(self, limit_s=30.0):
        """Asks it to end, and kills it where it does not. The exit status; negative: a signal."""
        if self.running():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(limit_s)
            except subprocess.TimeoutExpired:
                self.kill()
                raise ServiceError("%s did not end within %.0f s" % (self.name, limit_s)) from None
        return self.popen.returncode

    def kill(self):
        if self.running():
            self.popen.kill()
        return self.popen.wait()

    def open_files(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def cpu_s(self):
        """User and system time so far."""
        text = pathlib.Path("/proc/%d/stat" % self.pid).read_text()
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self):
        text = pathlib.Path("/proc/%d/statm" % self.pid).read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Services:
    """All that one run started. `folder` gets their files; `detached` keeps the terminal's Ctrl-C
    from them, so that the caller can end them in order."""

    def __init__(self, folder, build=None, detached=False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.build = pathlib.Path(build or os.environ.get("LIFELINE_BUILD", ROOT / "build"))
        self.detached = detached
        self.processes = []
        self.short_folder = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.end_all()

    def program(self, name):
        path = self.build / name
        if not path.exists():
            raise ServiceError("%s is not built" % path)
        return path

    def socket_folder(self):
        """A Unix socket's path holds 107 bytes; where `folder` is too long, a short one stands in."""
        if len(str(self.folder)) < 80:
            return self.folder
        if self.short_folder is None:
            self.short_folder = pathlib.Path(tempfile.mkdtemp(prefix="lifeline-", dir="/tmp"))
        return self.short_folder

    def start(self, name, command, env=None):
        process = Process(name, command, self.folder / (name + ".log"), self.detached, env)
        self.processes.append(process)
        return process

    def end_all(self):
        """Ends what still runs, the last one started first."""
        for process in reversed(self.processes):
            try:
                process.end(10)
            except ServiceError:
                pass  # it was killed instead
        if self.short_folder:
            shutil.rmtree(self.short_folder, ignore_errors=True)
            self.short_folder = None

    def start_listening(self, name, port, command, limit_s=30.0):
        process = self.start(name, command)
        wait_for(name, lambda: process.check_runs() and accepts(port), limit_s)
        return process


class Broker:
    """A private Mosquitto with one user for the gateway and one for devices."""

    def __init__(self, services, port=None, anonymous=False):
        self.services = services
        self.folder = services.folder / "mosquitto"
        self.folder.mkdir(exist_ok=True)
        self.port = port or free_port()
        self.uri = "mqtt://127.0.0.1:%d" % self.port
        self.users = {"gateway": secrets.token_urlsafe(18), "devices": secrets.token_urlsafe(18)}
        self.process = None
        self.configure("true" if anonymous else "false")

    def configure(self, allow_anonymous):
        passwords = self.folder / "passwords"
        passwords.write_text("".join("%s:%s\n" % user for user in self.users.items()))
        passwords.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
        for user, password in self.users.items():
            write_secret(self.folder / (user + ".password"), password)
        lines = [
            "listener %d 127.0.0.1" % self.port,
            "allow_anonymous " + allow_anonymous,
            "password_file %s" % passwords,
            "persistence true",
            "persistence_location %s/" % self.folder,
            # As config/mosquitto/lifeline.conf: what waits for the gateway is not dropped.
            "max_queued_messages 0",
            "max_queued_bytes 0",
            "max_inflight_messages 0",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "log_dest stdout",
        ]
        if os.geteuid() == 0:
            # Else it changes to user mosquitto, who cannot read this folder.
            lines.append("user root")
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def password_file(self, user):
        return self.folder / (user + ".password")

    def start(self):
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if program is None:
            raise ServiceError("mosquitto is not installed")
        self.process = self.services.start_listening(
            "mosquitto", self.port, [program, "-c", self.folder / "mosquitto.conf"])
        return self

    def client_options(self, user="devices"):
        return ["-h", "127.0.0.1", "-p", str(self.port), "-u", user, "-P", self.users[user]]

    def publish(self, topic, payload, qos=1, retain=False):
        """One message, acknowledged by the broker when this returns."""
        data = payload if isinstance(payload, bytes) else payload.encode()
        command = ["mosquitto_pub", "-V", "5", "-q", str(qos), "-t", topic, "-s" if data else "-n"]
        subprocess.run(command + (["-r"] if retain else []) + self.client_options(), check=True,
                       input=data, timeout=60)

    def publish_lines(self, topic, payloads, qos=1):
        """Many messages on one topic over one connection, in order."""
        subprocess.run(["mosquitto_pub", "-V", "5", "-q", str(qos), "-t", topic, "-l"] +
                       self.client_options(), check=True, timeout=120,
                       input="".join(payload + "\n" for payload in payloads).encode())


class Influx:
    """A private InfluxDB 1."""

    CONFIG = """reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
  cache-max-memory-size = "1g"
  max-series-per-database = 0
  max-values-per-tag = 0
[coordinator]
  write-timeout = "30s"
[retention]
  enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  auth-enabled = true
  log-enabled = false
[logging]
  level = "warn"
  suppress-logo = true
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
"""

    @staticmethod
    def installed():
        return shutil.which("influxd") is not None

    def __init__(self, services, port=None):
        self.services = services
        self.folder = services.folder / "influxdb"
        self.folder.mkdir(exist_ok=True)
        self.port = port or free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.user, self.password = "gateway", secrets.token_urlsafe(18)
        write_secret(self.folder / "password", self.password)
        self.process = None

    def password_file(self):
        return self.folder / "password"

    def start(self):
        config = self.folder / "influxdb.conf"
        config.write_text(self.CONFIG.format(rpc=free_port(), http=self.port, folder=self.folder))
        self.process = self.services.start("influxd", ["influxd", "-config", config])
        wait_for("influxd", lambda: self.process.check_runs() and self.ping(), 60)
        # The first user can be made without one; made again after a restart, it stays as it is.
        self.command("CREATE USER %s WITH PASSWORD '%s' WITH ALL PRIVILEGES" %
                     (self.user, self.password))
        self.command("CREATE DATABASE %s" % DATABASE)
        return self

    def ping(self):
        try:
            with urllib.request.urlopen(self.url + "/ping", timeout=5) as answer:
                return answer.status == 204
        except (urllib.error.URLError, OSError):
            return False

    def request(self, query, method):
        arguments = urllib.parse.urlencode({"q": query, "db": DATABASE, "epoch": "ms"})
        request = urllib.request.Request(self.url + "/query?" + arguments, method=method)
        login = ("%s:%s" % (self.user, self.password)).encode()
        request.add_header("Authorization", "Basic " + base64.b64encode(login).decode())
        # Floats as they stand in the text, which is the shortest that gives the same bits back.
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def command(self, query):
        answer = self.request(query, "POST")
        errors = [result["error"] for result in answer["results"] if "error" in result]
        if errors:
            raise ServiceError("%s: %s" % (query, errors[0]))

    def query(self, query):
        """The rows of all series of the answer, each a dict of columns and tags."""
        rows = []
        for result in self.request(query, "GET")["results"]:
            if "error" in result:
                raise ServiceError("%s: %s" % (query, result["error"]))
            for series in result.get("series", []):
                for values in series["values"]:
                    row = dict(series.get("tags", {}), _measurement=series["name"])
                    row.update(zip(series["columns"], values))
                    rows.append(row)
        return rows

    def measurements(self):
        return [row["name"] for row in self.query("SHOW MEASUREMENTS")]

    def field_values(self):
        """How many field values of readings the database holds: what the gateway forwarded."""
        total = 0
        for name in self.measurements():
            if not name.startswith("lifeline_"):
                for row in self.query('SELECT count(*) FROM "%s"' % name):
                    total += sum(v for k, v in row.items()
                                 if k.startswith("count_") and k != "count_time_quality")
        return total

    def destination(self, **more):
        return dict({"name": "influx", "type": "influxdb1", "url": self.url, "database": DATABASE,
                     "username": self.user, "password_file": str(self.password_file()),
                     "batch_wait_ms": 200}, **more)


class Victoria:
    """A private VictoriaMetrics, which takes InfluxDB's way of writing."""

    @staticmethod
    def installed():
        return shutil.which("victoria-metrics") is not None

    def __init__(self, services):
        self.services = services
        self.folder = services.folder / "victoria"
        self.folder.mkdir(exist_ok=True)
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.process = None

    def start(self):
        self.process = self.services.start_listening("victoria-metrics", self.port, [
            "victoria-metrics", "-storageDataPath", self.folder / "data",
            "-httpListenAddr", "127.0.0.1:%d" % self.port, "-retentionPeriod", "100y",
            "-search.latencyOffset", "0s", "-memory.allowedBytes", "256MiB",
            "-loggerLevel", "WARN"])
        return self

    def export(self, selector):
        """Raw samples: [({labels}, [values], [times in ms])]."""
        urllib.request.urlopen(self.url + "/internal/force_flush", timeout=30).close()
        arguments = urllib.parse.urlencode({"match[]": selector, "start": "0"})
        with urllib.request.urlopen(self.url + "/api/v1/export?" + arguments, timeout=60) as answer:
            rows = [json.loads(line) for line in answer if line.strip()]
        return [(row["metric"], row["values"], row["timestamps"]) for row in rows]

    def destination(self, **more):
        return dict({"name": "victoria", "type": "victoriametrics", "url": self.url,
                     "batch_wait_ms": 200}, **more)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gateway:
    """lifelined with a configuration of its own."""

    def __init__(self, services, broker_uri, password_file, destinations=(), **changes):
        self.services = services
        self.folder = services.folder / "gateway"
        self.folder.mkdir(exist_ok=True)
        self.config_file = self.folder / "lifelined.json"
        self.socket = services.socket_folder() / "lifelined.sock"
        self.config = {
            # No reports on itself, so that the books hold only what was sent.
            "gateway": {"id": "test", "data_dir": str(self.folder / "state"),
                        "self_report_s": 0},
            "mqtt": {"uris": [broker_uri], "username": "gateway",
                     "password_file": str(password_file)},
            # The clock of a machine that was started just now is as good as any here.
            "intake": {"clock_wait_s": 0},
            "registry": {"profiles_dir": str(ROOT / "config/profiles")},
            "http": {"listen": "", "socket": str(self.socket)},
            "destinations": list(destinations),
        }
        for section, values in changes.items():
            if isinstance(values, dict):
                self.config.setdefault(section, {}).update(values)
            else:
                self.config[section] = values
        self.process = None
        self.write_config()

    def write_config(self):
        self.config_file.write_text(json.dumps(self.config, indent=2) + "\n")

    def start(self, wait=True):
        self.process = self.services.start(
            "lifelined", [self.services.program("lifelined"), "-c", self.config_file])
        if wait:
            wait_for("the gateway's API", lambda: self.process.check_runs() and self.answers())
        return self

    def answers(self):
        try:
            return self.get("/api/v1/status")
        except OSError:
            return None

    def get(self, path):
        connection = UnixConnection(self.socket, 60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise ServiceError("%s: %d %s" % (path, answer.status, text.decode()))
            return json.loads(text)
        finally:
            connection.close()

    def stop(self):
        """Ends it in order, which must succeed and leave no report of a sanitizer."""
        status = self.process.end(60)
        log = self.process.log_text()
        for mark in ("ERROR: AddressSanitizer", "runtime error:", "WARNING: ThreadSanitizer",
                     "ERROR: LeakSanitizer"):
            if mark in log:
                raise ServiceError("lifelined: %s" % log[log.index(mark):][:4000])
        if status != 0:
            raise ServiceError("lifelined ended with status %d:\n%s" % (status, log[-2000:]))

    def ctl(self, *words, check=True, json_output=True):
        """lifelinectl: its parsed answer, or with json_output=False the finished process."""
        command = [str(self.services.program("lifelinectl")), "--socket", str(self.socket)]
        command += (["--json"] if json_output else []) + [str(word) for word in words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise ServiceError("lifelinectl %s: status %d: %s%s" % (
                " ".join(map(str, words)), done.returncode, done.stdout, done.stderr))
        return json.loads(done.stdout) if json_output and done.returncode == 0 else done

    def ledger(self):
        return self.get("/api/v1/ledger")

    def connected(self):
        return self.get("/api/v1/status")["mqtt"]["connected"]

    def wait_connected(self):
        wait_for("the gateway at the broker", self.connected, 60)
        return self

    def settled(self, received):
        """The ledger once `received` messages came and nothing is under way; else None."""
        books = self.ledger()
        done = (books["messages"]["received"] >= received and
                books["messages"]["in_flight"] == 0 and books["readings"]["in_flight"] == 0)
        return books if done else None

    def wait_settled(self, received, limit_s=60.0):
        try:
            return wait_for("%d messages to settle" % received, lambda: self.settled(received),
                            limit_s, 0.1)
        except ServiceError as error:
            raise ServiceError("%s; the ledger: %s" % (error, json.dumps(self.ledger()))) from None
