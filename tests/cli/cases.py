# SPDX-License-Identifier: Apache-2.0
"""Small traces, and wrong use and bad input with the exact line that each must give: the data of run.py."""
import json

EMPTY = '{"format":"whittle-trace","version":1,"complete":true}\n'
RUN = (
    '"runs":[{"id":"%s","name":"%s","tool":"whittle 0","kernel":"Linux 6","arch":"x86_64","argv":["x"],"cwd":"/",'
    '"outcome":"exited 0","failed":false,"complete":true,"uid":0,"gid":0,"no_new_privs":false,"seccomp_mode":0,'
    '"ip_unprivileged_port_start":1024,"engine":"plain","stops":1,"tasks":1,"duration_ms":1}]'
)
FACT = '"count":1,"phases":["serving"],"programs":["/bin/x"],"runs":["%s"]'


def trace(run, name, **kinds):
    """A small trace: kinds are lists of the members of facts, as JSON text without braces."""
    body = "".join(
        ',"%s":[%s]' % (kind, ",".join("{%s,%s}" % (f, FACT % run) for f in facts)) for kind, facts in kinds.items()
    )
    return '{"format":"whittle-trace","version":1,"complete":true,%s%s}\n' % (RUN % (run, name), body)


def call(name, number, abi="x86_64"):
    return '"abi":"%s","name":"%s","number":%d' % (abi, name, number)


def file_fact(path, access, kind="file"):
    return '"path":%s,"access":"%s","type":"%s","outcomes":{"ok":1},"owner_always":false' % (
        json.dumps(path), access, kind)


OLD = trace("0" * 16, "web", syscalls=[call("read", 0), call("openat", 257), call("close", 3)],
            files=[file_fact("/etc/a", "read"), file_fact("/etc/b", "read")])
NEW = trace("1" * 16, "web", syscalls=[call("read", 0), call("openat", 257), call("init_module", 175)],
            files=[file_fact("/etc/a", "read"), file_fact("/etc/shadow", "read"), file_fact("/etc/c", "stat")],
            sockets=['"op":"connect","family":"AF_INET","type":"SOCK_STREAM","protocol":6,"address":"10.0.0.1:80",'
                     '"outcomes":{"ok":1}'])

SECCOMP = ('{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],'
           '"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}')

# Files that each case of BAD finds in its folder.
FILES = {
    "empty": "",
    "text": "hello\n",
    "cut.json": '{"format":"whittle-trace","version":1,',
    "foreign.json": '{"a":1}',
    "array.json": "[]",
    "v99.json": '{"format":"whittle-trace","version":99,"complete":true}',
    "member.json": '{"format":"whittle-trace","version":1,"complete":true,"file":[]}',
    "fact.json": '{"format":"whittle-trace","version":1,"complete":true,"files":[{"path":"/x","access":"eat"}]}',
    "good.json": EMPTY,
    "old.json": OLD,
    "script": "echo\n",
    "interpreter": "#!/no/such/interpreter\n",
    "folder/x": "",
    "folder/compose.yaml": "services: {}\n",
    "gap.json": trace("0" * 16, "web", syscalls=[call("read", 0)], gaps=['"kind":"io-uring","detail":"ring"']),
    "b-none/trace.json": EMPTY,
    "b-cut/seccomp.json": SECCOMP[:-1],
    "b-moby/seccomp.json": SECCOMP[:-1] + ',"archMap":[]}',
    "b-nocaps/seccomp.json": SECCOMP,
    "b-badcap/seccomp.json": SECCOMP,
    "b-badcap/capabilities.json": '{"drop":["ALL"],"add":["CAP_FLY"]}',
    "b-nodrop/seccomp.json": SECCOMP,
    "b-nodrop/capabilities.json": '{"add":[]}',
    "b-apparmor/seccomp.json": SECCOMP,
    "b-apparmor/capabilities.json": '{"drop":["ALL"],"add":[]}',
    "b-apparmor/apparmor.profile": "profile x {\n  nonsense here\n}\n",
    "b-noexec/seccomp.json": SECCOMP,
    "b-noexec/capabilities.json": '{"drop":["ALL"],"add":[]}',
}
EXECUTABLE = ["script", "interpreter"]

NO_ENTRY = "No such file or directory"
READY = "expected tcp:HOST:PORT, http://HOST:PORT/PATH, log:REGEX, file:PATH or delay:SECONDS"
SECONDS = "give seconds or minutes: 2, 0.5, 30s, 5m"
JSON_START = "line 1: '[' or '{' expected near "

# Wrong use and bad input: arguments, and the one line on standard error after "whittle ". Exit status 2, nothing on
# standard output, no file left behind.
BAD = {
    "audit-none": (["audit"], " audit: missing log; give a FILE, - for standard input, --dmesg or --journal"),
    "audit-missing": (["audit", "missing"], " audit: cannot open missing: " + NO_ENTRY),
    "audit-folder": (["audit", "folder"], " audit: cannot read folder: Is a directory"),
    "audit-twice": (["audit", "-", "-"], " audit: - is given twice; standard input can be read once"),
    "audit-since": (["audit", "--since", "yesterday", "text"],
                    " audit: --since does not know 'yesterday'; give 30s, 5m, 2h or 3d ago, @SECONDS, or "
                    '"2026-11-28 13:45" in UTC'),
    "none": ([], ": missing command; see 'whittle --help'"),
    "command-unknown": (["xyzzy"], ": unknown command 'xyzzy'; see 'whittle --help'"),
    "command-close": (["recrod"], ": unknown command 'recrod'; did you mean 'record'?"),
    "command-option": (["--vresion"], ": unknown option --vresion; see 'whittle --help'"),
    "command-control": (["a\x1b[31m"], ": unknown command 'a?[31m'; see 'whittle --help'"),
    "help-two": (["help", "show", "diff"],
                 " help: 'diff' is one operand too many; see --help for what it takes"),
    "help-unknown": (["help", "shwo"], " help: unknown command 'shwo'; did you mean 'show'?"),
    "help-both": (["help", "--man", "--completion", "bash"],
                  " help: one thing at a time: COMMAND, --man or --completion"),
    "help-shell": (["help", "--completion", "fish"],
                   " help: --completion does not know 'fish'; it takes one of bash|zsh"),
    "record-none": (["record"], " record: missing -- COMMAND [ARG…]; see 'whittle record --help'"),
    "record-dashes": (["record", "--"], " record: missing -- COMMAND [ARG…]; see 'whittle record --help'"),
    "record-empty": (["record", "--", ""], " record: cannot run \"\": no program was named"),
    "record-option": (["record", "--laod", "x", "--", "true"], " record: unknown option --laod; did you mean --load?"),
    "record-twice": (["record", "-o", "x", "-o", "y", "--", "true"],
                     " record: --output is given twice; give it once"),
    "record-value": (["record", "--load"], " record: --load needs a value: --load CMD"),
    "record-grace": (["record", "--grace", "soon", "--", "true"],
                     " record: --grace does not understand 'soon'; " + SECONDS),
    "record-duration": (["record", "--duration", "-1", "--", "true"],
                        " record: --duration does not understand '-1'; " + SECONDS),
    "record-ready": (["record", "--ready", "udp:1", "--", "true"], " record: --ready udp:1: " + READY),
    "record-ready-port": (["record", "--ready", "tcp:a:99999", "--", "true"],
                          " record: --ready tcp:a:99999: expected tcp:HOST:PORT"),
    "record-missing": (["record", "--", "/no/such/program"],
                       " record: cannot run /no/such/program: " + NO_ENTRY),
    "record-not-in-path": (["record", "--", "no-such-program"],
                           " record: cannot run no-such-program: there is no such program in PATH (/usr/bin:/bin); "
                           "give its full path"),
    "record-not-executable": (["record", "--", "./text"],
                              " record: cannot run ./text: Permission denied; is it executable (chmod +x), and its "
                              "folder searchable?"),
    "record-folder": (["record", "--", "./folder"], " record: cannot run ./folder: it is a folder"),
    "record-format": (["record", "--", "./script"],
                      " record: cannot run ./script: Exec format error; a script must begin with #! and a program be "
                      "built for this machine"),
    "record-interpreter": (["record", "--", "./interpreter"],
                           " record: cannot run ./interpreter: No such file or directory; the file is there, but its "
                           "#! interpreter or dynamic loader is not"),
    "record-output": (["record", "-o", "no/such/x", "--", "true"], " record: cannot write no/such/x: " + NO_ENTRY),
    "record-output-folder": (["record", "-o", "folder", "--", "true"], " record: cannot write folder: it is a folder"),
    "show-none": (["show"], " show: missing TRACE; see 'whittle show --help'"),
    "show-two": (["show", "old.json", "b"], " show: 'b' is one operand too many; see --help for what it takes"),
    "show-empty-name": (["show", ""], " show: operand 1 is empty; it takes TRACE"),
    "show-missing": (["show", "nope"], " show: cannot read nope: " + NO_ENTRY),
    "show-folder": (["show", "folder"], " show: cannot read folder/trace.json: " + NO_ENTRY),
    "show-empty": (["show", "empty"], " show: empty: not valid JSON: " + JSON_START + "end of file"),
    "show-text": (["show", "text"], " show: text: not valid JSON: " + JSON_START + "'hello'"),
    "show-cut": (["show", "cut.json"],
                 " show: cut.json: not valid JSON: line 1: string or '}' expected near end of file"),
    "show-foreign": (["show", "foreign.json"],
                     ' show: foreign.json: not a whittle trace: it has no "format":"whittle-trace"'),
    "show-array": (["show", "array.json"], " show: array.json: not a whittle trace: it is no JSON object"),
    "show-version": (["show", "v99.json"],
                     " show: v99.json: trace version 99, but this whittle reads version 1: record it again, or use "
                     "the whittle that made it"),
    "show-member": (["show", "member.json"], ' show: member.json: unknown member "file"'),
    "show-memory": (["show", "/proc/self/mem"], " show: cannot read /proc/self/mem: Input/output error"),
    "show-stdin": (["show", "-"], " show: standard input: not valid JSON: " + JSON_START + "end of file"),
    "show-format": (["show", "--format", "xml", "old.json"],
                    " show: --format does not know 'xml'; it takes one of text|json"),
    "show-only": (["show", "--only", "file", "old.json"], " show: --only does not know 'file'; did you mean 'files'?"),
    "merge-none": (["merge", "-o", "x"], " merge: missing TRACE…; see 'whittle merge --help'"),
    "merge-output": (["merge", "old.json"], " merge: missing -o TRACE; -o - writes to standard output"),
    "merge-bad": (["merge", "-o", "x", "old.json", "v99.json"],
                  " merge: v99.json: trace version 99, but this whittle reads version 1: record it again, or use the "
                  "whittle that made it"),
    "merge-output-missing": (["merge", "-o", "no/x", "old.json"], " merge: cannot write no/x: " + NO_ENTRY),
    "generate-none": (["generate"], " generate: missing TRACE…; see 'whittle generate --help'"),
    "generate-cut": (["generate", "-o", "x", "cut.json"],
                     " generate: cut.json: not valid JSON: line 1: string or '}' expected near end of file"),
    "generate-runtime": (["generate", "-o", "x", "--runtime", "runcc", "old.json"],
                         " generate: --runtime does not know 'runcc'; did you mean 'runc'?"),
    "generate-twice-stdin": (["generate", "-", "-"],
                             " generate: - is given twice; standard input can be read once"),
    "generate-name": (["generate", "--name", "a b", "old.json"],
                      " generate: \"a b\" cannot be a profile name: use letters, digits, '_', '.' and '-', "
                      "beginning with a letter, digit or '_'"),
    "generate-format": (["generate", "--format", "caps,docke", "old.json"],
                        " generate: no format \"docke\": choose from seccomp, apparmor, caps, docker, compose, "
                        "kubernetes, quadlet, systemd, report, notes"),
    "generate-stdout": (["generate", "-o", "-", "old.json"],
                        " generate: -o - prints one format: choose it with --format, such as --format seccomp"),
    "generate-shell": (["generate", "-o", "a b", "old.json"],
                       " generate: docker-run.args is read by a shell, which would not read the folder name \"a b\" "
                       "as it is: choose another, without blanks or special characters, or leave docker out of "
                       "--format"),
    "generate-into-file": (["generate", "-o", "text", "old.json"], " generate: text is not a folder"),
    "generate-no-folder": (["generate", "-o", "nope/x", "old.json"],
                           " generate: cannot make a folder beside nope/x: " + NO_ENTRY),
    "generate-not-ours": (["generate", "-o", "folder", "--format", "compose", "old.json"],
                          " generate: folder/compose.yaml is there and was not written by whittle: choose another "
                          "folder with -o, or leave it out with --format"),
    "generate-gap": (["generate", "gap.json"],
                     " generate: io-uring: io_uring does its work without system calls: what it did was not seen: "
                     "ring: record again, or go on with --allow-gaps"),
    "explain-none": (["explain"], " explain: missing TRACE|BUNDLE ITEM…; see 'whittle explain --help'"),
    "explain-missing": (["explain", "nope", "read"], " explain: cannot read nope: " + NO_ENTRY),
    "diff-one": (["diff", "old.json"], " diff: too few operands: it takes OLD NEW; see 'whittle diff --help'"),
    "diff-missing": (["diff", "old.json", "nope"], " diff: cannot read nope: " + NO_ENTRY),
    "diff-foreign": (["diff", "foreign.json", "old.json"],
                     ' diff: foreign.json: not a whittle trace: it has no "format":"whittle-trace"'),
    "diff-fail-on": (["diff", "--fail-on", "hihg", "old.json", "old.json"],
                     " diff: --fail-on does not know 'hihg'; did you mean 'high'?"),
    "diff-stdin-twice": (["diff", "-", "-"], " diff: - is given twice; standard input can be read once"),
    "verify-none": (["verify"], " verify: missing BUNDLE -- COMMAND [ARG…]; see 'whittle verify --help'"),
    "verify-no-command": (["verify", "b-noexec"],
                          " verify: too few operands: it takes BUNDLE -- COMMAND [ARG…]; see 'whittle verify --help'"),
    "verify-no-bundle": (["verify", "--", "true"],
                         " verify: missing operand before --: it takes BUNDLE -- COMMAND [ARG…]; see 'whittle verify "
                         "--help'"),
    "verify-missing": (["verify", "nope", "--", "true"], " verify: cannot read bundle nope: " + NO_ENTRY),
    "verify-file": (["verify", "text", "--", "true"],
                    " verify: text is not a bundle: a folder that 'whittle generate' made"),
    "verify-no-seccomp": (["verify", "b-none", "--", "true"], " verify: cannot read b-none/seccomp.json: " + NO_ENTRY),
    "verify-cut": (["verify", "b-cut", "--", "true"],
                   " verify: b-cut/seccomp.json: not valid JSON: line 1: '}' expected near end of file"),
    "verify-moby": (["verify", "b-moby", "--", "true"],
                    " verify: b-moby/seccomp.json: 'archMap' is moby's extension, which not every runtime knows; give "
                    "pure OCI"),
    "verify-no-caps": (["verify", "b-nocaps", "--", "true"],
                       " verify: cannot read b-nocaps/capabilities.json: " + NO_ENTRY),
    "verify-bad-cap": (["verify", "b-badcap", "--", "true"],
                       " verify: b-badcap/capabilities.json: add[0]: CAP_FLY is not a capability"),
    "verify-no-drop": (["verify", "b-nodrop", "--", "true"],
                       ' verify: b-nodrop/capabilities.json: drop: not ["ALL"]'),
    "verify-apparmor": (["verify", "b-apparmor", "--", "true"],
                        " verify: apparmor_parser does not take b-apparmor/apparmor.profile: AppArmor parser error for "
                        "b-apparmor/apparmor.profile in profile b-apparmor/apparmor.profile at line 2: syntax error, "
                        "unexpected TOK_ID, expecting TOK_MODE"),
    "verify-program": (["verify", "b-noexec", "--", "/no/such/program"],
                       " verify: cannot run /no/such/program: " + NO_ENTRY),
    "verify-ready": (["verify", "--ready", "udp:1", "b-noexec", "--", "true"], " verify: --ready udp:1: " + READY),
    "verify-ablate": (["verify", "--ablate", "cap", "b-noexec", "--", "true"],
                      " verify: --ablate does not know 'cap'; did you mean 'caps'?"),
}
