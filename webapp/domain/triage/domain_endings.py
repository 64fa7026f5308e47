"""Which names with dots are names of the internet, and which are files, types or machines."""

_COUNTRY_WORDS = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo"
    " br bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm"
    " do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs"
    " gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km"
    " kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp"
    " mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk"
    " pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss"
    " st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va"
    " vc ve vg vi vn vu wf ws ye yt za zm zw"
)
COUNTRIES = frozenset(_COUNTRY_WORDS.split())
_GENERIC_WORDS = (
    "academy agency app art asia auction autos bank bar beauty best bet bid biz blog boats"
    " bond business buzz cam camp capital care casa cash cat cc center cfd chat city claims"
    " cleaning click clinic cloud club coach codes coffee com community company computer"
    " consulting cool coop courses credit cyou date deals delivery dental design dev digital"
    " direct directory doctor download earth education email energy enterprises equipment"
    " estate events exchange expert express fail faith family farm fashion finance financial"
    " fit fun fund fyi gallery games gdn gives global gold golf gov group guide guru hair"
    " health help homes host hosting icu info institute insure int international investments"
    " jobs lat legal life limited link live llc loan loans lol ltd makeup management market"
    " marketing media men mil mobi moe mom money mov monster museum name net network news"
    " ninja one onion onl online ooo org page party pics pictures plus pm poker press pro"
    " properties pub quest realty red rent repair report rest review reviews rip rocks run"
    " sale sbs school science security services sex shop shopping show site skin social"
    " software solutions space store stream studio style su supply support surf systems tattoo"
    " tax team tech technology tel tips today tokyo tools top town trade training travel vip"
    " website win wiki work works world wtf xin xyz yachts zip zone"
)
GENERIC = frozenset(_GENERIC_WORDS.split())
RESERVED = frozenset({"example", "invalid", "test"})
KNOWN_ENDINGS = COUNTRIES | GENERIC | RESERVED

_AMBIGUOUS_WORDS = (
    "ac am as cat do download fm help id in is la md ml mm mo mov name ne no ps py rs run sc"
    " sh so st tf to tools ws zip"
)
AMBIGUOUS_ENDINGS = frozenset(_AMBIGUOUS_WORDS.split())
"""Endings of files, words and fields of programs as well. A name of two parts that ends like this
counts only if it is written defanged, or as part of an address."""

_PRIVATE_WORDS = (
    "ad corp domain home intern internal intra intranet lan loc local localdomain priv private"
)
PRIVATE_ENDINGS = frozenset(_PRIVATE_WORDS.split())
"""Endings of names that only mean something inside one company."""

TYPE_NAMES = frozenset({"ado.net", "asp.net", "vb.net", "socket.io", "node.js"})
"""What looks like a name of the internet and is something of programmers."""

REFERENCE_HOSTS = frozenset(
    {
        "admin.microsoft.com",
        "attack.mitre.org",
        "cisa.gov",
        "cve.mitre.org",
        "cve.org",
        "docs.microsoft.com",
        "entra.microsoft.com",
        "huntress.com",
        "huntress.io",
        "learn.microsoft.com",
        "nvd.nist.gov",
        "portal.azure.com",
        "security.microsoft.com",
        "support.microsoft.com",
        "virustotal.com",
    }
)
"""Where reports send their readers; these and names below them are no indicators."""
