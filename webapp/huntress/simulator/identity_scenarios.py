"""The demo's scenarios without an agent, about people's accounts.

They are about Microsoft 365, Google Workspace, mail and firewalls. The texts are templates as in
`scenarios`.
"""

from webapp.huntress.simulator.scenarios import RESET_PASSWORD, Scenario, Step

_DISABLE = Step("containment", "Disable Identity", "{mail}")

IDENTITY_SCENARIOS = (
    Scenario(
        "inbox_rule",
        "ITDR",
        "microsoft_365",
        "high",
        {"managed_identity": 2},
        "The mailbox {mail} was signed in to from {ip} ({country}, hosting provider), where this "
        "user has never been. Four minutes later an inbox rule named `.` was made that moves "
        "mail containing `invoice`, `IBAN` or `payment` to RSS Feeds. This is how business email "
        "compromise is prepared. The identity has been disabled and its sessions revoked.",
        (
            _DISABLE,
            Step(
                "assisted",
                "Delete Inbox Rule",
                (("Mailbox", "{mail}"), ("Rule Name", ".")),
            ),
            RESET_PASSWORD,
        ),
        weight=5,
    ),
    Scenario(
        "token_theft",
        "ITDR",
        "microsoft_365",
        "critical",
        {"managed_identity": 3},
        "A session token of {mail} was stolen by an adversary-in-the-middle page and used from "
        "{ip} ({country}) with multi-factor authentication already satisfied. The attacker "
        "registered a new authenticator and read 61 messages.\n\n"
        "Identity disabled. Remove the authenticator named below before enabling it again.",
        (
            _DISABLE,
            Step(
                "assisted",
                "Remove Authentication Method",
                (("Identity", "{mail}"), ("Method", "Authenticator (NO_DEVICE)")),
            ),
            RESET_PASSWORD,
            Step("manual", "Warn the senders of the 61 messages that were read", "absent"),
        ),
        weight=3,
    ),
    Scenario(
        "rogue_app",
        "ITDR",
        "microsoft_365",
        "high",
        {"managed_identity": 1},
        None,
        (
            Step(
                "assisted",
                "Remove Service Principal",
                (("Application", "PerfectData Software"), ("Granted by", "{mail}")),
            ),
        ),
        body="<h3>Rogue application</h3><p>{mail} consented to <b>PerfectData Software</b> with "
        "<code>Mail.Read</code>, <code>offline_access</code>.</p>"
        "<p>Sign-in from {ip} &ndash; {country}. <br>The application can copy whole mailboxes; "
        "we see it mostly after an account was taken over.</p>",
        weight=3,
    ),
    Scenario(
        "unwanted_vpn",
        "ITDR",
        "microsoft_365",
        "low",
        {"managed_identity": 1},
        "{mail} signed in through a commercial VPN ({ip}, {country}). The device is known and "
        "there was no other activity. Add an expected location if this user may use a VPN.",
        weight=3,
    ),
    Scenario(
        "google_signin",
        "ITDR",
        "google",
        "high",
        {"managed_identity": 1},
        "Google Workspace account {mail}: sign-in from {ip} ({country}) eight minutes after a "
        "sign-in from the office. An app password was created in that session.",
        (RESET_PASSWORD, Step("manual", "Delete the app password `mailapp`", ())),
        weight=2,
    ),
    Scenario(
        "phishing",
        "Email Security",
        "email_security",
        "low",
        {"email_security_detections": 14},
        "Fourteen mailboxes of {org} received `Your voicemail (0:42)` with a link to a page that "
        "imitates your sign-in. The messages have been withdrawn. {mail} had opened the link; "
        "we see no sign-in that would follow from it.",
        (Step("containment", "Quarantine Messages", "14 messages: Your voicemail (0:42)"),),
        weight=3,
    ),
    Scenario(
        "firewall_vpn",
        "SIEM",
        "other",
        "high",
        {"siem_detections": 2},
        "The firewall of {org} accepted an SSL VPN sign-in of {user} from {ip} ({country}, "
        "hosting provider) without a second factor. The session scanned the internal network "
        "on ports 445 and 3389.",
        (
            Step("manual", "End the VPN session of {user} and require a second factor"),
            RESET_PASSWORD,
        ),
        weight=2,
    ),
)
