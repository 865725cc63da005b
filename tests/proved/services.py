# SPDX-License-Identifier: Apache-2.0
"""The services whose capabilities are proved: how each is prepared, started, and driven. A load fails when it is not served."""
import os
import shutil
import socket
import time

import harness
from kit import NotServed, ask, chown, client, command, listens, over, said, until, write

# In the kernel's order.
CAPS = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT
    SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
    WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()
# What Docker gives when nothing is said.
DOCKER = """CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
    AUDIT_WRITE""".split()
PASSWORD, PASSWORD_HASH = "correct horse", "$5$proved$SVu5RM7wI/q6XTU69Jb.RAfqYTOAS/mQWo/cc5THaL0"
HOME = "/run/proved"
ALICE = ("setpriv", "--reuid=alice", "--regid=alice", "--init-groups")


class Service:
    """@extra: capabilities that it is started with beyond Docker's; @port_start and @ping_range: sysctls, as Docker sets them;
    @stops: it is a service that is told to stop, not a program that ends."""
    argv, extra, stops = (), (), True
    port_start, ping_range = "0", "0 2147483647"

    def missing(self):
        """Why it cannot be tried on this machine; None if it can."""

    def prepare(self, cache):
        """As an installation would."""

    def ready(self, running):  # pylint: disable=unused-argument
        return True

    def load(self, running):
        """Raises NotServed."""

    def check(self, running):
        """What must be so once it has ended; raises NotServed."""


class Tool(Service):
    """Does its work and ends."""
    stops = False


class Sample(Service):
    """One of samples/, with a load of its own that is as broad and takes less time."""
    sample = ""

    @property
    def home(self):
        return f"/run/whittle-sample-{self.sample}"

    @property
    def argv(self):
        return [f"{self.home}/start"]

    def prepare(self, cache):
        command(harness.sample_file(self.sample, "prepare"))


class Nginx(Sample):
    """A site with uploads, whose logs are rotated and whose configuration is read again."""
    sample, url = "nginx", "http://127.0.0.1"

    def ready(self, running):
        return listens(80)

    def curl(self, status, path, *more):
        ask(status, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "60", *more, self.url + path)

    def load(self, running):
        write(f"{HOME}/upload", "x" * 300000)
        for status, path, *more in (("200", "/"), ("200", "/large.txt"), ("404", "/missing"), ("201", "/upload/one", "-T", f"{HOME}/upload"),
                                    ("201", "/upload/folder/two", "-T", f"{HOME}/upload"), ("204", "/upload/folder/", "-X", "DELETE"),
                                    ("204", "/upload/one", "-X", "MOVE", "-H", f"Destination: {self.url}/upload/three")):
            self.curl(status, path, *more)
        # As logrotate does.
        log = f"{self.home}/log/access.log"
        os.rename(log, log + ".1")
        self.signal("USR1")
        until(lambda: os.path.exists(log), 60, "its log was not opened again", running)
        until(lambda: self.logged(log), 60, "nothing was logged into the new file", running)
        self.signal("HUP")
        self.curl("200", "/")

    def logged(self, log):
        self.curl("200", "/large.txt")
        return os.path.getsize(log) > 0

    def signal(self, name):
        with open(f"{self.home}/nginx.pid", encoding="ascii") as f:
            command("kill", f"-{name}", f.read().strip())


class NginxHost(Nginx):
    """On a network where low ports are privileged, as the host's is."""
    port_start = "1024"


class Redis(Sample):
    """With both kinds of persistence, which happen in a child."""
    sample = "redis"

    def ready(self, running):
        return listens(6379)

    def redis(self, wanted, *argv):
        ask(wanted, "redis-cli", "-h", "127.0.0.1", *argv)

    def load(self, running):
        self.redis("OK", "SET", "greeting", "hello")
        self.redis("hello", "GET", "greeting")
        ask("SET", "redis-benchmark", "-h", "127.0.0.1", "-q", "-n", "200", "-t", "set,get,lpush,mset")
        for said_, argv in (("aof_rewrite_in_progress:0", ("BGREWRITEAOF",)), ("rdb_bgsave_in_progress:0", ("BGSAVE",))):
            self.redis("started", *argv)
            until(lambda field=said_: field in self.persistence(), 60, f"{argv[0]} does not end", running)
        for field in ("rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status"):
            if f"{field}:ok" not in self.persistence():
                raise NotServed(f"{field} is not ok")

    def persistence(self):
        return ask("", "redis-cli", "-h", "127.0.0.1", "INFO", "persistence")


class Postgresql(Sample):
    sample = "postgresql"

    def prepare(self, cache):
        # initdb takes longer than all the rest.
        if os.path.exists(f"{cache}/postgresql"):
            command("cp", "-a", f"{cache}/postgresql", self.home)
        else:
            super().prepare(cache)
            command("cp", "-a", self.home, f"{cache}/postgresql.new")
            os.rename(f"{cache}/postgresql.new", f"{cache}/postgresql")

    def psql(self, sql):
        return client("psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres", "-c", sql)

    def ready(self, running):
        process = self.psql("SELECT 1")
        process.communicate(timeout=60)
        return process.returncode == 0

    def load(self, running):
        said(self.psql("CREATE TABLE t AS SELECT i, md5(i::text) AS m FROM generate_series(1, 20000) i"))
        several = [self.psql("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT m FROM t ORDER BY m) s"),
                   self.psql("SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
                             "SELECT count(m) FROM t")]
        for process in several:
            said(process, "20000")
        # A backend that is told to end by another one.
        sleeper = self.psql("SELECT pg_sleep(1000)")
        until(lambda: "t" in said(self.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'")),
              60, "no backend could be ended", running)
        sleeper.communicate(timeout=60)
        said(self.psql("CREATE INDEX ON t (m)"))
        said(self.psql("CHECKPOINT"))
        said(self.psql("VACUUM ANALYZE t"))


class Sshd(Service):
    """Logins as root and as a user, by key and by password, with a terminal and without, and files by sftp."""
    argv = ("/usr/sbin/sshd", "-D", "-e", "-f", f"{HOME}/sshd_config")

    def prepare(self, cache):
        os.mkdir("/run/sshd", 0o755)
        for key in ("host", "client"):
            command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{HOME}/{key}")
        write(f"{HOME}/sshd_config", f"ListenAddress 127.0.0.1\nHostKey {HOME}/host\nPermitRootLogin yes\nUsePAM yes\n"
              "KbdInteractiveAuthentication no\nMaxStartups 100\nSubsystem sftp /usr/lib/openssh/sftp-server\n")
        for user in ("root", "alice"):
            os.mkdir(f"{HOME}/{user}/.ssh", 0o700)
            shutil.copy(f"{HOME}/client.pub", f"{HOME}/{user}/.ssh/authorized_keys")
            for path in ("", "/authorized_keys"):
                chown(f"{HOME}/{user}/.ssh{path}", user, user)
        write(f"{HOME}/askpass", f"#!/bin/sh\necho '{PASSWORD}'\n", 0o755)

    def ready(self, running):
        return listens(22)

    def ssh(self, user, script, *more, program="ssh"):
        env = harness.environment(HOME=HOME, SSH_ASKPASS=f"{HOME}/askpass", SSH_ASKPASS_REQUIRE="force", DISPLAY="none")
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=60",
                   "NumberOfPasswordPrompts=1", "IdentitiesOnly=yes")
        return client(program, "-F", "none", *(f"-o{o}" for o in options), *more, *([f"{user}@127.0.0.1"] if user else []),
                      *script, env=env)

    def load(self, running):
        key, password = ("-i", f"{HOME}/client"), ("-o", "PubkeyAuthentication=no")
        write(f"{HOME}/batch", f"put {HOME}/batch {HOME}/alice/by-sftp\nchmod 600 {HOME}/alice/by-sftp\n"
              f"get {HOME}/alice/by-sftp {HOME}/back\nrm {HOME}/alice/by-sftp\n")
        several = []
        for user in ("root", "alice"):
            for how in (key, password):
                several += [(self.ssh(user, ("id -un && echo $HOME && touch here",), *how), f"{user}\n{HOME}/{user}\n"),
                            (self.ssh(user, ("test -t 0 && tty && stat -c %U $(tty) && exec id -un",), "-tt", *how), f"\n{user}")]
        several.append((self.ssh(None, ("alice@127.0.0.1",), "-b", f"{HOME}/batch", *key, program="sftp"), ""))
        for process, wanted in several:
            answer = said(process).replace("\r", "")
            if wanted not in answer:
                raise NotServed(f"{process.args[-1]}: {answer!r} and not {wanted!r}")
            if "-tt" in process.args and "/dev/pts/" not in answer:
                raise NotServed(f"no terminal: {answer!r}")


class Dnsmasq(Service):
    """Names of its own and no others, as a user of its own."""
    argv = ("dnsmasq", "--keep-in-foreground", f"--conf-file={HOME}/dnsmasq.conf")

    def prepare(self, cache):
        write(f"{HOME}/names", "192.0.2.7 host.proved.test\n")
        write(f"{HOME}/dnsmasq.conf", "no-resolv\nno-hosts\nlisten-address=127.0.0.1\nbind-interfaces\nuser=dnsmasq\n"
              f"pid-file={HOME}/dnsmasq.pid\naddn-hosts={HOME}/names\naddress=/any.proved.test/192.0.2.8\nlog-facility=-\n")

    def dig(self, *argv):
        return client("dig", "@127.0.0.1", "+short", "+time=5", "+tries=12", *argv)

    def ready(self, running):
        return listens(53)

    def load(self, running):
        for argv, wanted in (("host.proved.test",), "192.0.2.7"), (("x.any.proved.test",), "192.0.2.8"), \
                (("+tcp", "host.proved.test"), "192.0.2.7"), (("-x", "192.0.2.7"), "host.proved.test."):
            said(self.dig(*argv), wanted)
        # It only warns if it cannot give that away.
        if os.stat(f"{HOME}/dnsmasq.pid").st_uid == 0:
            raise NotServed("its pid file is root's")
        # It reads its names again, as the user that it has become.
        write(f"{HOME}/names", "192.0.2.9 host.proved.test\n")
        with open(f"{HOME}/dnsmasq.pid", encoding="ascii") as f:
            command("kill", "-HUP", f.read().strip())
        until(lambda: "192.0.2.9" in said(self.dig("host.proved.test")), 60, "it did not read its names again", running)


class DnsmasqHost(Dnsmasq):
    port_start = "1024"


class Chrony(Service):
    """A time server that leaves the clock alone, which a client asks."""
    argv = ("chronyd", "-d", "-x", "-f", f"{HOME}/chrony.conf")

    def prepare(self, cache):
        os.mkdir(f"{HOME}/lib")
        chown(f"{HOME}/lib", "_chrony", "_chrony")
        write(f"{HOME}/chrony.conf", f"user _chrony\nlocal stratum 5\nallow 127.0.0.0/8\nbindaddress 127.0.0.1\ndriftfile {HOME}/lib/drift\n"
              f"dumpdir {HOME}/lib\npidfile {HOME}/chronyd.pid\nbindcmdaddress /run/chrony/chronyd.sock\n")

    def answer(self):
        """Its stratum, by a client's packet; None if there is no answer."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            try:
                s.connect(("127.0.0.1", 123))
                s.send(bytes([0x23]) + bytes(39) + b"whittle!")
                packet = s.recv(1000)
            except OSError:
                return None
        return packet[1] if len(packet) >= 48 and packet[24:32] == b"whittle!" else None

    def ready(self, running):
        return self.answer() is not None and os.path.exists("/run/chrony/chronyd.sock")

    def load(self, running):
        until(lambda: self.answer() == 5, 60, "it gives no time of its own", running)
        ask("Stratum         : 5", "chronyc", "-h", "/run/chrony/chronyd.sock", "tracking")
        ask("200 OK", "chronyc", "-h", "/run/chrony/chronyd.sock", "dump")


class ChronyHost(Chrony):
    port_start = "1024"


class Ping(Tool):
    """By a datagram socket, which Docker lets everybody have."""
    argv = (f"{HOME}/ping", "-c", "2", "-i", "0.2", "-W", "30", "127.0.0.1")

    def prepare(self, cache):
        shutil.copy("/usr/bin/ping", f"{HOME}/ping")  # the file's capability stays behind

    def check(self, running):
        if " 2 received" not in running.output():
            raise NotServed("no two answers")


class PingRaw(Ping):
    """By a raw socket, where others are nobody's."""
    ping_range = "1 0"


class PingSetcap(PingRaw):
    """The same as a user, who has the capability from the file."""
    argv = (*ALICE, *Ping.argv)

    def prepare(self, cache):
        super().prepare(cache)
        command("setcap", "cap_net_raw+ep", f"{HOME}/ping")


class Tcpdump(Tool):
    """Captures on lo, and drops to another user."""
    argv = ("tcpdump", "-i", "lo", "-n", "-p", "-U", "-Z", "tcpdump", "-c", "5", "-w", f"{HOME}/out/capture", "udp", "port", "9")

    def prepare(self, cache):
        os.mkdir(f"{HOME}/out", 0o755)
        chown(f"{HOME}/out", "tcpdump", "tcpdump")

    def ready(self, running):
        return "listening on lo" in running.output()

    def load(self, running):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            end = time.monotonic() + 60
            while running.alive() and time.monotonic() < end:
                s.sendto(b"proved", ("127.0.0.1", 9))
                time.sleep(0.02)

    def check(self, running):
        if len(ask("127.0.0.1.9: UDP", "tcpdump", "-n", "-r", f"{HOME}/out/capture").splitlines()) < 5:
            raise NotServed("it captured less")
        if os.stat(f"{HOME}/out/capture").st_uid == 0:
            raise NotServed("it wrote as root")


class Sudo(Tool):
    """From a user to root, with a password, and from root to a user; both through PAM."""
    argv = ("/bin/sh", f"{HOME}/work")

    def prepare(self, cache):
        # As the package's tmpfiles.d does.
        os.mkdir("/run/sudo", 0o711)
        os.mkdir("/run/sudo/ts", 0o700)
        over("/etc/sudoers", "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\nalice ALL=(ALL:ALL) ALL\n", 0o440)
        write(f"{HOME}/password", PASSWORD + "\n", 0o644)
        write(f"{HOME}/work", f"""set -eu
cd {HOME}/alice
sudo -u alice sh -c 'id -un > as-alice'
setpriv --reuid=alice --regid=alice --init-groups sudo -S -p '' sh -c 'id -un > {HOME}/root/as-root' < {HOME}/password
setpriv --reuid=alice --regid=alice --init-groups sudo -k
if setpriv --reuid=alice --regid=alice --init-groups sudo -n true; then exit 9; fi
""")

    def check(self, running):
        # It goes on when it cannot tell the audit system, and says so each time.
        if "unable to" in running.output():
            raise NotServed("sudo complains")
        for path, user in ((f"{HOME}/alice/as-alice", "alice"), (f"{HOME}/root/as-root", "root")):
            with open(path, encoding="ascii") as f:
                if f.read() != user + "\n":
                    raise NotServed(f"{path} is not by {user}")


class Mount(Tool):
    """A tmpfs, a bind mount, made read-only, and unmounted again, by root."""
    extra = ("SYS_ADMIN",)
    argv = ("/bin/sh", f"{HOME}/work")

    def prepare(self, cache):
        write(f"{HOME}/work", f"""set -eu
mkdir {HOME}/a {HOME}/b
mount -t tmpfs -o size=1m tmpfs {HOME}/a
echo hello > {HOME}/a/file
mount --bind {HOME}/a {HOME}/b
mount -o remount,bind,ro {HOME}/b
test "$(cat {HOME}/b/file)" = hello
if touch {HOME}/b/more; then exit 9; fi
umount {HOME}/b
umount {HOME}/a
""")


class MountUser(Tool):
    """A user's entry of fstab, through the set-user-id mount and umount."""
    extra = ("SYS_ADMIN",)
    argv = (*ALICE, "/bin/sh", f"{HOME}/work")

    def prepare(self, cache):
        os.mkdir(f"{HOME}/at", 0o755)
        over("/etc/fstab", f"tmpfs {HOME}/at tmpfs user,noauto,mode=1777 0 0\n")
        write(f"{HOME}/work", f"""set -eu
mount {HOME}/at
grep -q ' {HOME}/at tmpfs .*nosuid' /proc/self/mounts
echo hello > {HOME}/at/file
umount {HOME}/at
""")


class Fusermount(Tool):
    """What a FUSE filesystem of a user's calls to be mounted, and unmounted: set-user-id, too."""
    extra = ("SYS_ADMIN",)
    argv = (*ALICE, "/usr/bin/python3", "-I", f"{HOME}/work")

    def missing(self):
        return None if "\tfuse\n" in open("/proc/filesystems", encoding="ascii").read() else "this kernel has no FUSE"

    def prepare(self, cache):
        os.mkdir(f"{HOME}/alice/at", 0o755)
        chown(f"{HOME}/alice/at", "alice", "alice")
        write(f"{HOME}/work", f"""import os, socket, subprocess
ours, theirs = socket.socketpair()
subprocess.run(["fusermount3", "-o", "fsname=proved", "--", "{HOME}/alice/at"], check=True,
               pass_fds=[theirs.fileno()], env=dict(os.environ, _FUSE_COMMFD=str(theirs.fileno())))
_, fds, _, _ = socket.recv_fds(ours, 1, 1)
def mounted():
    return "proved {HOME}/alice/at fuse" in open("/proc/self/mounts").read()
assert fds and mounted()
subprocess.run(["fusermount3", "-u", "-z", "--", "{HOME}/alice/at"], check=True)
assert not mounted()
""")


# Those whose trials take longest first.
ALL = {"postgresql": Postgresql(), "sshd": Sshd(), "chrony": Chrony(), "chrony-host": ChronyHost(), "redis": Redis(), "nginx": Nginx(),
       "nginx-host": NginxHost(), "sudo": Sudo(), "dnsmasq": Dnsmasq(), "dnsmasq-host": DnsmasqHost(), "tcpdump": Tcpdump(),
       "ping": Ping(), "ping-raw": PingRaw(), "ping-setcap": PingSetcap(), "mount": Mount(), "mount-user": MountUser(),
       "fusermount3": Fusermount()}
