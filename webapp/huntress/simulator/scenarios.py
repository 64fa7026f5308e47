"""The demo's endpoint scenarios (EDR, antivirus, SIEM), about machines.

Texts are `str.format` templates over `host, user, org, mail, ip, sha, country`. Attackers'
addresses are from ranges for documentation. Their domains end in `.example` and are written
defanged.
"""

from dataclasses import dataclass

Parameters = str | None | tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Step:
    """One remediation, with parameters in the shape that the API uses for its type.

    Pairs are sent as a list of `{name, description}`, text as a string, and None as null. "absent"
    leaves the key out; it is for `manual` steps.
    """

    type: str
    action: str
    parameters: Parameters = None


@dataclass(frozen=True)
class Scenario:
    """A kind of incident; `weight` says how often it happens, `body` may be HTML."""

    name: str
    product: str
    platform: str
    severity: str
    indicators: dict[str, int]
    summary: str | None
    steps: tuple[Step, ...] = ()
    body: str | None = None
    weight: int = 2


ISOLATE = Step("containment", "Isolate Host", "{host}")
RESET_PASSWORD = Step("manual", "Reset the password of {user} and end all of their sessions")

_CANARY_FILES = tuple(
    Step("assisted", "Delete File", (("File Path", f"C:\\Users\\Public\\{name}"),))
    for name in (
        "Documents\\!README_RECOVER!.txt",
        "Desktop\\!README_RECOVER!.txt",
        "Pictures\\!README_RECOVER!.txt",
        "Music\\!README_RECOVER!.txt",
        "Videos\\!README_RECOVER!.txt",
        "Downloads\\!README_RECOVER!.txt",
        "svchelper.exe",
        "svchelper.dat",
        "kill.bat",
        "netscan.exe",
    )
)

ENDPOINT_SCENARIOS = (
    Scenario(
        "run_key",
        "EDR",
        "windows",
        "high",
        {"footholds": 1},
        "Huntress found a persistent foothold on {host}. The Run key value `OneDriveSync` of the "
        "user {user} starts `C:\\Users\\{user}\\AppData\\Roaming\\odsync\\odsync.exe` at each "
        "sign-in. The file is unsigned, was written eleven minutes before the value and "
        "contacts {ip}:8443. It is not part of Microsoft OneDrive.\n\n"
        "Apply the assisted remediations below, then ask the user what they installed.",
        (
            Step(
                "assisted",
                "Delete Registry Value",
                (
                    ("Registry Key", "HKU\\{user}\\Software\\Microsoft\\Windows\\CurrentVersion"),
                    ("Value Name", "OneDriveSync"),
                ),
            ),
            Step(
                "assisted",
                "Delete File",
                (("File Path", "C:\\Users\\{user}\\AppData\\Roaming\\odsync\\odsync.exe"),),
            ),
        ),
        weight=4,
    ),
    Scenario(
        "beacon",
        "EDR",
        "windows",
        "critical",
        {"process_detections": 3, "footholds": 1},
        "Hands-on-keyboard activity on {host}. `rundll32.exe` was started by `winword.exe` with "
        "a DLL from `%TEMP%` and has called out to {ip}:443 every 60 seconds since. The session "
        'ran `whoami /groups`, `nltest /domain_trusts` and `net group "Domain Admins"`.\n\n'
        "We isolated the host. Treat the credentials of {user} as stolen and check which other "
        "machines this account has signed in to during the last 24 hours.",
        (
            ISOLATE,
            Step("assisted", "Kill Process", (("Process", "rundll32.exe (PID 7344)"),)),
            Step(
                "assisted",
                "Delete File",
                (("File Path", "C:\\Users\\{user}\\AppData\\Local\\Temp\\msdcf.dll"),),
            ),
            RESET_PASSWORD,
        ),
    ),
    Scenario(
        "ransomware_canaries",
        "EDR",
        "windows",
        "critical",
        {"ransomware_canaries": 6, "process_detections": 2, "footholds": 1},
        "Six ransomware canary files on {host} were changed within nine seconds by "
        "`svchelper.exe` (SHA-256 {sha}), running as {user}. Shadow copies were deleted with "
        "`vssadmin` immediately before. This is ransomware in progress.\n\n"
        "The host has been isolated. Do NOT restart it. Check backups and every file share this "
        "machine can write to, and call us if you see encrypted files elsewhere.",
        (
            ISOLATE,
            Step("assisted", "Kill Process", (("Process", "svchelper.exe (PID 5120)"),)),
            *_CANARY_FILES,
            RESET_PASSWORD,
            Step("manual", "Restore affected files from a backup taken before the incident"),
        ),
        body="<h2>Ransomware canaries</h2><p>Changed on <b>{host}</b>: 6</p>"
        "<table><tr><th>File</th><th>Change</th></tr>"
        "<tr><td>C:\\Users\\Public\\Documents\\~hc_01.docx</td><td>renamed</td></tr></table>",
        weight=1,
    ),
    Scenario(
        "defender",
        "EDR",
        "windows",
        "low",
        {"antivirus_detections": 1},
        "Microsoft Defender quarantined `Trojan:Win32/Wacatac.B!ml` in a download of {user} on "
        "{host}. Nothing was executed and we found no persistence. No action is required beyond "
        "confirming with the user where the file came from.",
        (Step("manual", "Confirm the origin of the download with {user}", "absent"),),
        weight=5,
    ),
    Scenario(
        "rogue_rmm",
        "EDR",
        "windows",
        "high",
        {"footholds": 1, "process_detections": 1},
        "A ScreenConnect client that does not belong to your instance was installed on {host} "
        "from `Social_Security_Statement.exe`. It runs as the service `ScreenConnect Client "
        "(7c1f…)` and connects to `relay[.]statement-docs[.]example` ({ip}:8041). Attackers use "
        "such clients to come back later.",
        (
            Step(
                "assisted",
                "Delete Service",
                (("Service Name", "ScreenConnect Client (7c1f09aa21d3)"),),
            ),
            Step(
                "assisted",
                "Delete Directory",
                (("Path", "C:\\Program Files (x86)\\ScreenConnect Client (7c1f09aa21d3)"),),
            ),
            Step("manual", "Block {ip} at the firewall", ()),
        ),
        weight=4,
    ),
    Scenario(
        "lsass",
        "EDR",
        "windows",
        "critical",
        {"process_detections": 1, "behavioral_detections": 1},
        "Credentials were dumped on {host}: `comsvcs.dll` was used through `rundll32.exe` to "
        "write the memory of LSASS to `C:\\Windows\\Temp\\dbg.dmp`, under the account {user}. "
        "The session came in by RDP from {ip}. Every account that has signed in to this machine "
        "since its last restart must be considered stolen.",
        (
            ISOLATE,
            Step("assisted", "Delete File", (("File Path", "C:\\Windows\\Temp\\dbg.dmp"),)),
            Step("manual", "Reset the passwords of all accounts that signed in to {host}", ()),
        ),
    ),
    Scenario(
        "clickfix",
        "EDR",
        "windows",
        "critical",
        {"process_detections": 2},
        "{user} was tricked by a fake CAPTCHA on a compromised website into pasting a command "
        "into the Run dialog. `mshta.exe` fetched a script from `hxxps://verify-human[.]example` "
        "which loaded an information stealer (SHA-256 {sha}) in memory. Browser passwords and "
        "session cookies on {host} must be considered stolen.",
        (ISOLATE, RESET_PASSWORD, Step("manual", "Sign {user} out of all browser sessions")),
        weight=3,
    ),
    Scenario(
        "fake_update",
        "EDR",
        "windows",
        "high",
        {"process_detections": 1, "footholds": 1},
        None,
        (
            Step(
                "assisted",
                "Delete Scheduled Task",
                (("Task Name", "\\ChromeUpdateTaskMachineQC"),),
            ),
            Step(
                "assisted",
                "Delete File",
                (("File Path", "C:\\Users\\{user}\\Downloads\\Chrome.Update.js"),),
            ),
        ),
        body="<div><h2>Fake browser update</h2><p>On <b>{host}</b> the user {user} opened "
        "<code>Chrome.Update.js</code> &mdash; a <i>SocGholish</i> lure. <code>wscript.exe</code> "
        "created the scheduled task <code>ChromeUpdateTaskMachineQC</code>.</p>"
        "<ul><li>Source: {ip}</li><li>SHA-256: {sha}</li></ul></div>",
        weight=3,
    ),
    Scenario(
        "rdp_brute_force",
        "SIEM",
        "windows",
        "high",
        {"siem_detections": 412},
        "{host} accepts Remote Desktop from the internet. Within one hour 412 failed sign-ins "
        "came from {ip} ({country}), followed by one successful sign-in of {user}. We saw no "
        "further activity in that session, which lasted 40 seconds.",
        (Step("manual", "Close TCP 3389 of {host} to the internet"), RESET_PASSWORD),
    ),
    Scenario(
        "monitored_file",
        "EDR",
        "windows",
        "low",
        {"monitored_files": 1},
        "The hosts file of {host} was changed and now sends `update.antivirus.example` to "
        "127.0.0.1. This keeps a security product from updating. We could not tie the change to "
        "an attack; an installer of cracked software is the usual reason.",
        (
            Step(
                "assisted",
                "Restore File",
                (("File Path", "C:\\Windows\\System32\\drivers\\etc\\hosts"),),
            ),
        ),
    ),
    Scenario(
        "app_control",
        "EDR",
        "windows",
        "low",
        {"app_control": 2},
        "Two starts of `AnyDesk.exe` by {user} on {host} were blocked, as it is not among the "
        "remote tools your policy allows. Approve the tool if it is yours.",
        weight=2,
    ),
    Scenario(
        "ai_misuse",
        "EDR",
        "windows",
        "low",
        {"ai_misuse": 1},
        "A local AI assistant on {host} was asked by {user} to switch off tamper protection and "
        "did run the command. The setting has been restored by policy.",
        weight=1,
    ),
    Scenario(
        "mde",
        "EDR",
        "windows",
        "high",
        {"mde_detections": 2, "antivirus_detections": 1},
        "Microsoft Defender for Endpoint reported `HackTool:Win32/Mimikatz` on {host}. The file "
        "came with a toolkit in the profile of {user} and was not executed. If nobody on your "
        "team put it there, treat the account as compromised.",
        (Step("assisted", "Delete Directory", (("Path", "C:\\Users\\{user}\\tools\\mk"),)),),
    ),
    Scenario(
        "macos_stealer",
        "EDR",
        "darwin",
        "critical",
        {"footholds": 1, "process_detections": 2},
        "An information stealer ran on {host}. {user} opened a disk image named `Slack-4.41.dmg` "
        "that asked for the login password with `osascript`, collected the keychain and browser "
        "data into `/tmp/out.zip` and sent it to {ip}. A LaunchAgent keeps it running.",
        (
            ISOLATE,
            Step(
                "assisted",
                "Delete LaunchAgent",
                (("Path", "/Users/{user}/Library/LaunchAgents/com.finder.helper.plist"),),
            ),
            RESET_PASSWORD,
        ),
        weight=6,
    ),
    Scenario(
        "macos_adware",
        "EDR",
        "darwin",
        "low",
        {"footholds": 1},
        "The LaunchAgent `com.searchmine.agent` on {host} belongs to adware that changes the "
        "browser's search page. It is a nuisance rather than an intrusion.",
        (
            Step(
                "assisted",
                "Delete LaunchAgent",
                (("Path", "/Library/LaunchAgents/com.searchmine.agent.plist"),),
            ),
        ),
        weight=4,
    ),
    Scenario(
        "linux_miner",
        "EDR",
        "linux",
        "high",
        {"process_detections": 1, "footholds": 2},
        "`/var/tmp/.x/kworkerd` on {host} is the miner XMRig under another name. It is started "
        "from the crontab of `www-data` every five minutes and connects to {ip}:3333. It came "
        "in through a web application that runs as the same user: patch that first.",
        (
            Step("assisted", "Kill Process", (("Process", "kworkerd (PID 30211)"),)),
            Step("assisted", "Delete Cron Job", (("File Path", "/var/spool/cron/www-data"),)),
            Step("manual", "Update the web application and look for further web shells", ()),
        ),
        weight=4,
    ),
    Scenario(
        "linux_ssh_key",
        "EDR",
        "linux",
        "critical",
        {"monitored_files": 1, "process_detections": 1},
        "An unknown key was added to `/root/.ssh/authorized_keys` on {host} from a web shell "
        "(`/var/www/html/uploads/i.php`). A sign-in with that key from {ip} ({country}) "
        "followed two minutes later.",
        (ISOLATE, Step("assisted", "Delete File", (("File Path", "/var/www/html/uploads/i.php"),))),
        weight=3,
    ),
)
