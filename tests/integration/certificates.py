"""An authority of the tests' own, and certificates by it for any days, with the openssl command."""

import shutil
import subprocess
import time

from harness import Skip
from lifeline_services import ServiceError

DAY_S = 86400
CONFIG = """\
[ca]
default_ca = own
[own]
database = index
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


def need_openssl():
    if shutil.which("openssl") is None:
        raise Skip("openssl is not installed")


class Authority:
    """`ca` is its own certificate's file."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / "ca.pem"
        folder.mkdir()
        for name, text in (("config", CONFIG), ("index", ""), ("serial", "01\n")):
            (folder / name).write_text(text)
        self.openssl("req", "-x509", *self.new_key("ca"), "-out", self.ca, "-days", 2,
                     "-subj", "/CN=" + folder.name)

    def openssl(self, *words):
        done = subprocess.run(["openssl", *map(str, words)], cwd=self.folder, capture_output=True,
                              text=True, timeout=60)
        if done.returncode != 0:
            raise ServiceError("openssl %s: %s" % (words[0], done.stderr))

    @staticmethod
    def new_key(name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", name + ".key"]

    def issue(self, name, host="IP:127.0.0.1", first_day=-1, last_day=1):
        """(certificate, key): for `host`, valid between two days counted from now."""
        def at(day):
            return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + day * DAY_S))
        (self.folder / "names").write_text("subjectAltName=%s\n" % host)
        self.openssl("req", *self.new_key(name), "-out", name + ".csr", "-subj", "/CN=" + name)
        self.openssl("ca", "-batch", "-notext", "-config", "config", "-extfile", "names",
                     "-startdate", at(first_day), "-enddate", at(last_day),
                     "-in", name + ".csr", "-out", name + ".pem")
        return self.folder / (name + ".pem"), self.folder / (name + ".key")
