# ruff: noqa: E501 - a rule reads best on one line
"""The rules of the pocket corpus: the grammar text, filled from the lexicon."""

from __future__ import annotations

import re

from t5study.data.pocket import lexicon
from t5study.data.pocket.german import past_plural
from t5study.data.pocket.grammar import FEATURES, Grammar

CLASSES = ("pers", "text", "food", "mach", "anim", "art")
STORIES = ("fair", "prize", "fire", "theft", "strike", "concert")
FEATURES.update(
    n=("sg", "pl"), m=("sg", "pl"), p=("+", "-"), e=lexicon.EMOTIONS, g=("m", "f"),
    c=("nom", "acc", "dat"), o=CLASSES, y=STORIES,
)  # fmt: skip

REVIEWS = """
was.sg -> was
was.pl -> were
STAR -> <NAME>
TITLE -> The <TADJ> <TNOUN>
FILM -> the film *2 | the movie *2 | this <GENRE> | <TITLE> *2
THING.sg -> the <ASP.sg> *3 | <FILM> *2 | the <ASP.sg> of <TITLE>
THING.pl -> the <ASP.pl> *3 | the <ASP.pl> in <FILM>
AP.$p -> <ADJ.$p> *3 | <INT> <ADJ.$p> *2 | <ADJ.$p> and <ADJ.$p#2>
NAP.$p -> <ADJ.$p> *3 | very <ADJ.$p> | really <ADJ.$p> | <ADJ.$p> or <ADJ.$p#2>
NOT -> not *4 | never *2 | hardly | far from | anything but
SAID.$p -> <THING.$n> <was.$n> <AP.$p> *3
 | I <LIKED.$p> <THING.$n> *2
 | I found <THING.$n> <AP.$p>
 | <STAR> was <AP.$p> as the <ROLE>
 | <THING.sg> was full of <QUAL.$p>
SCL.$p -> <SAID.$p> *7
 | <THING.$n> <was.$n> <NOT> <NAP.$q> *3
 | <STAR> was <NOT> <NAP.$q> as the <ROLE> *1.5
 | I did not find <THING.$n> <NAP.$q> *.7
 | I did not <LIKE.$q> <THING.$n> *.7
 | <THING.sg> had no <QUAL.$q>
 | nothing about <THING.$n> was <NAP.$q> *.7
 | nobody could call <THING.$n> <NAP.$q> *.7
SCL.+ -> <THING.sg> was free of <QUAL.-> *2
SCL.- -> <THING.sg> lacked <QUAL.+> *2
CL.$p -> <SCL.$p> *6
 | I think that <SCL.$p> *.5
 | I do not think that <SAID.$q>
 | I doubt that <SAID.$q>
 | it is not true that <SAID.$q>
 | there is no doubt that <SCL.$p> *.5
CL.- -> I wish <THING.$n> had been <ADJ.+> *.8 | <THING.$n> should have been <NAP.+> *.8
CL.+ -> I cannot say that <THING.$n> <was.$n> <NAP.-> *1.6
REV.$p -> <CL.$p> . *4
 | although <SCL.$q> , <CL.$p> . *1.5
 | <CL.$p> , although <SCL.$q> .
 | <SCL.$q> , but <CL.$p> . *1.5
 | <SAID.$p> , and <THING.$n> <was.$n> <AP.$p> .
 | the critics called <FILM> <AP.$q> , but <CL.$p> .
 | <NAME#friend> called <FILM> <AP.$q> , but I found it <AP.$p> . *.6
 | I expected a <ADJ.$q> <GENRE> , but <CL.$p> .
 | <NAME#friend> <LIKED.$q> <THING.$n> , but I did not . *.7
 | <NAME#friend> did not <LIKE.$p> <THING.$n> , but I did . *.7
SST.$p -> <SAID.$p> . *5 | <SCL.$p> . *3 | <REV.$p> *2
INTRO -> yesterday I saw <TITLE> with <NAME#friend> . | we watched <TITLE> on <DAY> .
 | <TITLE> is a <FILMADJ> <GENRE> about a <ROLE> . *2
 | <NAME> plays a <ROLE> in <TITLE> . *2
 | <TITLE> tells the story of a <ROLE> in <CITY> .
"""

EMOTION = """
WHO -> [m] <KNOWN.m> | [f] <KNOWN.f>
KNOWN.$g -> [kin] my <KIN.$g> *2 | [name] <FIRST.$g> *2
KIN.m -> [brother] brother | [father] father | [uncle] uncle | [son] son | [husband] husband
KIN.f -> [sister] sister | [mother] mother | [aunt] aunt | [daughter] daughter | [wife] wife
CAUSE.sadness -> <WHO> moved far away | my old dog died | nobody came to my party
 | <WHO> never called me | I lost the last letter from <WHO> | <WHO> was very ill
CAUSE.joy -> I passed the exam | our team won the game | <WHO> was well again
 | the holidays began on <DAY> | I got the job in <CITY> | <WHO> and I danced all night
CAUSE.love -> <WHO> held my hand | <WHO> kissed me at the station | <WHO> gave me a red rose
 | <WHO> wrote me a poem | I was alone with <WHO> at sunset | <WHO> cooked for me by candle light
CAUSE.anger -> someone stole my bicycle | <WHO> lied to me | <WHO> broke my new camera
 | the neighbours made noise all night | <WHO> read my letters | they sold us a broken car
CAUSE.fear -> I heard steps in the dark | <WHO> did not come home | a strange man followed me in <CITY>
 | the plane began to shake | the house was on fire | <WHO> had to go to war
CAUSE.surprise -> <WHO> suddenly stood at my door | I found a ring in the bread | it snowed in summer
 | <WHO> spoke ten languages at dinner | the king of Spain wrote to me | I won a house in <CITY>
EP.$e -> <EADJ.$e> *3 | <INT> <EADJ.$e> *2 | full of <ENOUN.$e>
AM -> I am | I feel
WASF -> I was | I felt
EMO.$e -> <AM> <EP.$e> because <CAUSE.$e> . *1.5
 | because <CAUSE.$e> , <AM> <EP.$e> . *1.5
 | <CAUSE.$e> , and now <AM> <EP.$e> . *1.5
 | I thought I would be <EP.not.$e> , but <AM> <EP.$e> . *2
 | <AM> <EP.$e> , but I thought I would be <EP.not.$e> .
 | I no longer feel <EP.not.$e> , because now <AM> <EP.$e> . *1.5
 | it is not true that <AM> <EP.not.$e> , because <AM> <EP.$e> . *2
 | <AM> <EP.$e> , so it is not true that <AM> <EP.not.$e> . *1.5
 | <WHO> is <EP.not.$e> , but <AM> <EP.$e> . *2
 | <AM> <EP.$e> , but <WHO> is <EP.not.$e> . *2
 | <WHO> believes that <AM> <EP.not.$e> , but <AM> <EP.$e> . *1.5
 | <AM> <EP.$e> , but <WHO> believes that <AM> <EP.not.$e> . *1.5
 | <WASF> <EP.not.$e> until <CAUSE.$e> . *1.5
 | although <CAUSE.not.$e> , <AM> <EP.$e> . *1.5
 | <AM> <EP.$e> , although <CAUSE.not.$e> . *1.5
 | I used to feel <EP.not.$e> , but then <CAUSE.$e> .
 | I should be <WHY.not.$e> , but <AM> <EP.$e> . *1.5
 | <AM> more <EADJ.$e> than <EADJ.not.$e> .
WHY.$e -> <EP.$e> because <CAUSE.$e>
FEEL.$e -> <AM> <EP.$e> . | there is so much <ENOUN.$e> in me . | <CAUSE.$e> . *2
 | <ENOUN.$e> and <ENOUN.$e#2> fill my heart . | <WHO> makes me feel <EADJ.$e> .
"""

TRANSLATABLE = """
NP.$c.sg.$o -> [the] <NPD.$c.sg.$o> = <NPD.$c.sg.$o> *4
 | [a] a <N.sg.$o> = @indef.$c <N.sg.$o>
 | [aadj] a <A.$o> <N.sg.$o> = @indef.$c <A.$o> <N.sg.$o>
NP.$c.pl.$o -> [the] <NPD.$c.pl.$o> = <NPD.$c.pl.$o>
NPD.$c.$n.$o -> [plain] the <N.$n.$o> = @def.$c <N.$n.$o> *2
 | [adj] the <A.$o> <N.$n.$o> = @def.$c <A.$o> <N.$n.$o>
wurde.sg -> was = wurde
wurde.pl -> were = wurden
CLAUSE.$n.$m.$o -> [-] <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa> = <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa>
 | [t] <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa> <TIME> = <NP.nom.$n.pers#ag> <V.pst.$n.$o> <TIME> <NP.acc.$m.$o#pa>
 | [t] <TIME> <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa> = <TIME> <V.pst.$n.$o> <NP.nom.$n.pers#ag> <NP.acc.$m.$o#pa>
 | [p] <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa> <PLACE> = <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa> <PLACE>
 | [p] <PLACE> , <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa> = <PLACE> <V.pst.$n.$o> <NP.nom.$n.pers#ag> <NP.acc.$m.$o#pa> *.5
 | [tp] <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa> <PLACE> <TIME> = <NP.nom.$n.pers#ag> <V.pst.$n.$o> <TIME> <NP.acc.$m.$o#pa> <PLACE>
 | [tp] <TIME> <NP.nom.$n.pers#ag> <V.pst.$n.$o> <NP.acc.$m.$o#pa> <PLACE> = <TIME> <V.pst.$n.$o> <NP.nom.$n.pers#ag> <NP.acc.$m.$o#pa> <PLACE>
PASSIVE.$n.$m.$o -> [-] <NP.nom.$m.$o#pa> <wurde.$m> <V.part.$o> by <NP.dat.$n.pers#ag> = <NP.nom.$m.$o#pa> <wurde.$m> von <NP.dat.$n.pers#ag> <V.part.$o>
 | [t] <NP.nom.$m.$o#pa> <wurde.$m> <V.part.$o> by <NP.dat.$n.pers#ag> <TIME> = <NP.nom.$m.$o#pa> <wurde.$m> <TIME> von <NP.dat.$n.pers#ag> <V.part.$o>
 | [t] <TIME> <NP.nom.$m.$o#pa> <wurde.$m> <V.part.$o> by <NP.dat.$n.pers#ag> = <TIME> <wurde.$m> <NP.nom.$m.$o#pa> von <NP.dat.$n.pers#ag> <V.part.$o>
 | [p] <NP.nom.$m.$o#pa> <wurde.$m> <V.part.$o> by <NP.dat.$n.pers#ag> <PLACE> = <NP.nom.$m.$o#pa> <wurde.$m> <PLACE> von <NP.dat.$n.pers#ag> <V.part.$o>
 | [tp] <TIME> <NP.nom.$m.$o#pa> <wurde.$m> <V.part.$o> by <NP.dat.$n.pers#ag> <PLACE> = <TIME> <wurde.$m> <NP.nom.$m.$o#pa> <PLACE> von <NP.dat.$n.pers#ag> <V.part.$o>
NEGATED.$n.$m.$o -> [-] <NP.nom.$n.pers#ag> did not <V.neg.$n.$o> <NPD.acc.$m.$o#pa> = <NP.nom.$n.pers#ag> <V.neg.$n.$o> <NPD.acc.$m.$o#pa> nicht
 | [t] <NP.nom.$n.pers#ag> did not <V.neg.$n.$o> <NPD.acc.$m.$o#pa> <TIME> = <NP.nom.$n.pers#ag> <V.neg.$n.$o> <NPD.acc.$m.$o#pa> <TIME> nicht
 | [t] <TIME> <NP.nom.$n.pers#ag> did not <V.neg.$n.$o> <NPD.acc.$m.$o#pa> = <TIME> <V.neg.$n.$o> <NP.nom.$n.pers#ag> <NPD.acc.$m.$o#pa> nicht
MODAL.sg -> [can] can = kann | [must] must = muss | [want] wants to = will | [may] may = darf
MODAL.pl -> [can] can = können | [must] must = müssen | [want] want to = wollen | [may] may = dürfen
PRESENT.$n.$m.$o -> <NP.nom.$n.pers#ag> <V.prs.$n.$o> <NP.acc.$m.$o#pa> = <NP.nom.$n.pers#ag> <V.prs.$n.$o> <NP.acc.$m.$o#pa>
 | <NP.nom.$n.pers#ag> <MODAL.$n> <V.inf.$o> <NP.acc.$m.$o#pa> = <NP.nom.$n.pers#ag> <MODAL.$n> <NP.acc.$m.$o#pa> <V.inf.$o>
 | today <NP.nom.$n.pers#ag> <MODAL.$n> <V.inf.$o> <NP.acc.$m.$o#pa> = heute <MODAL.$n> <NP.nom.$n.pers#ag> <NP.acc.$m.$o#pa> <V.inf.$o> *.5
 | <NP.nom.$n.pers#ag> <VI.prs.$n> = <NP.nom.$n.pers#ag> <VI.prs.$n> *.5
LATE.$o -> [$n.$m] <NP.nom.$n.pers#sub> <V.pst.$n.$o> <NP.acc.$m.$o#pa> = <NP.nom.$n.pers#sub> <NP.acc.$m.$o#pa> <V.pst.$n.$o>
 | <NP.nom.$n.pers#sub> did not <V.neg.$n.$o> <NPD.acc.$m.$o#pa> = <NP.nom.$n.pers#sub> <NPD.acc.$m.$o#pa> nicht <V.neg.$n.$o> *.5
 | <NP.nom.$n.pers#sub> <VI.pst.$n> = <NP.nom.$n.pers#sub> <VI.pst.$n>
SIMPLE -> <NP.nom.$n.pers#ag> <VI.pst.$n> = <NP.nom.$n.pers#ag> <VI.pst.$n>
 | <NP.nom.$n.pers#ag> <VI.pst.$n> <PLACE> = <NP.nom.$n.pers#ag> <VI.pst.$n> <PLACE>
 | <NP.nom.$n.pers#ag> did not <VI.neg.$n> = <NP.nom.$n.pers#ag> <VI.neg.$n> nicht *.5
INVERTED -> <NP.nom.$n.pers#ag> <VI.pst.$n> = <VI.pst.$n> <NP.nom.$n.pers#ag>
 | <NP.nom.$n.pers#ag> <VI.pst.$n> <PLACE> = <VI.pst.$n> <NP.nom.$n.pers#ag> <PLACE>
COMPLEX -> [fact.$o] <SIMPLE> because <LATE.$o> = <SIMPLE> , weil <LATE.$o> | [fact.$o] <SIMPLE> , although <LATE.$o> = <SIMPLE> , obwohl <LATE.$o>
 | [fact.$o] although <LATE.$o> , <INVERTED> = obwohl <LATE.$o> , <INVERTED> | [fact.$o] when <LATE.$o> , <INVERTED> = als <LATE.$o> , <INVERTED>
 | [view.$o] <NP.nom.$n.pers#ag> <SAY.$n> that <LATE.$o> = <NP.nom.$n.pers#ag> <SAY.$n> , dass <LATE.$o> *.5
SAY.sg -> says = sagt | thinks = denkt | said = sagte
SAY.pl -> say = sagen | think = denken | said = sagten
EVENT -> <CLAUSE.$n.$m.$o> . = <CLAUSE.$n.$m.$o> . *4 | <PASSIVE.$n.$m.$o> . = <PASSIVE.$n.$m.$o> .
 | <NEGATED.$n.$m.$o> . = <NEGATED.$n.$m.$o> . | <PRESENT.$n.$m.$o> . = <PRESENT.$n.$m.$o> . *2
 | <COMPLEX> . = <COMPLEX> . *3 | <SIMPLE> . = <SIMPLE> . *.3
"""

NEWS = """
NAME -> [m] <FIRST.m> <LAST> | [f] <FIRST.f> <LAST>
lead.fair -> a <EVN> opened in <CITY> on <DAY> . | on <DAY> , a <EVN> opened in <CITY> .
 | the people of <CITY> celebrated on <DAY> when a <EVN> opened .
more.fair -> <NUM> people came on the first day . | <NUM> visitors came , although it rained .
 | the doors opened at nine , and <NUM> people came .
extra.fair -> last year , only <NUM#other> people came . | next year , it will move to <CITY#other> .
 | <NAME> , a <JOB> from <CITY#other> , gave a short speech . | <NAME> said that it was not as cold as in <CITY#other> .
end.fair -> it closes on <DAY#other> , and the next one will be in <CITY#other> .
 | tickets for <DAY#other> are sold out , but there are some for <DAY#third> .
sum.fair -> <NUM> people came to the <EVN> in <CITY> on <DAY> .
lead.prize -> <NAME> won the <PRIZE> at a <EVN> in <CITY> on <DAY> .
 | on <DAY> , the <PRIZE> of a <EVN> in <CITY> went to <NAME> .
more.prize -> the <JOB> had worked for <NUM> days . | <NUM> guests cheered for the young <JOB> .
 | the young <JOB> thanked <NUM> guests and sang a song .
extra.prize -> <NAME#other> from <CITY#other> came second . | last year , <NAME#other> won it in <CITY#other> .
 | <NAME#other> did not win , although many had hoped for it .
end.prize -> the money will go to a <BUILDING> in <CITY#third> . | the next contest will be in <CITY#third> on <DAY#other> .
sum.prize -> <NAME> won the <PRIZE> in <CITY> on <DAY> .
lead.fire -> a fire broke out in a <BUILDING> in <CITY> on <DAY> . | on <DAY> , there was a fire in a <BUILDING> in <CITY> .
more.fire -> <NUM> people had to leave the <BUILDING> . | <NUM> people fled from the smoke , but nobody was hurt .
 | the <BUILDING> was full , and <NUM> people had to run .
extra.fire -> <NAME> , a <JOB> , saved a small dog . | <NAME> , a <JOB> from <CITY#other> , saw the smoke first .
 | <NAME> called for help , because the phones did not work .
end.fire -> the <BUILDING> will not open again before <DAY#other> . | a year ago , <NUM#other> people had to leave a <BUILDING#other> in <CITY#third> .
sum.fire -> <NUM> people had to leave a <BUILDING> in <CITY> after a fire on <DAY> .
lead.theft -> thieves stole <NUM> <LOOT> from a <BUILDING> in <CITY> on <DAY> . | on <DAY> , <NUM> <LOOT> were stolen from a <BUILDING> in <CITY> .
more.theft -> the thieves came through a small window . | nobody heard them , although it was not late .
 | the thieves left in a white car before the police came .
extra.theft -> <NAME> , a <JOB> , called the police . | the police found <NUM#other> <LOOT#other> in a car in <CITY#other> .
 | <NAME> saw two men with a heavy bag .
end.theft -> the <BUILDING> will be closed until <DAY#other> . | <NAME#third> , who owns a <BUILDING#other> in <CITY#third> , will buy better doors .
sum.theft -> <NUM> <LOOT> were stolen from a <BUILDING> in <CITY> on <DAY> .
lead.strike -> <NUM> <WORKERS> stopped work in <CITY> on <DAY> . | on <DAY> , <NUM> <WORKERS> in <CITY> did not go to work .
more.strike -> the <WORKERS> want more money . | they want shorter days and more money .
 | they met in front of a <BUILDING> and sang old songs .
extra.strike -> <NAME> , who speaks for them , met the mayor of <CITY#other> . | in <CITY#other> , only <NUM#other> <WORKERS#other> stopped work .
end.strike -> they may go back to work on <DAY#other> . | <NAME#third> said that talks will begin in <CITY#third> on <DAY#other> .
sum.strike -> <NUM> <WORKERS> stopped work in <CITY> on <DAY> .
lead.concert -> <NAME> sang for <NUM> fans in <CITY> on <DAY> . | on <DAY> , <NUM> fans in <CITY> heard a concert by <NAME> .
more.concert -> the concert was first planned for <DAY#other> , but the singer was ill . | the concert was not planned for <CITY#other> , but for <CITY> .
 | most of the songs were new , but the fans knew every word .
extra.concert -> <NAME#other> played the piano . | <NAME#other> , a <JOB> , fell asleep in the first row .
end.concert -> on <DAY#third> , the singer will be in <CITY#other> . | last year , only <NUM#other> fans came to hear the singer in <CITY#third> .
sum.concert -> <NAME> sang for <NUM> fans in <CITY> on <DAY> .
"""

TOP = """
S -> <REV.$p> *3 | <INTRO> *2 | <EMO.$e> | <FEEL.$e> | <EVENT> *6
 | <lead.$y> *.3 | <more.$y> *.3 | <extra.$y> *.3 | <end.$y> *.3 | <sum.$y> *.1
"""


def _phrase(text: str) -> str:
    return text.replace("_", " ")


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def _list(symbol: str, words: str) -> str:
    return f"{symbol} -> " + " | ".join(f"[{word}] {_phrase(word)}" for word in words.split())


def _synonyms(symbol: str, key: str, forms: str, german: str) -> str:
    return f"{symbol} -> " + " | ".join(
        f"[{key}] {_phrase(form)} = {german}" for form in forms.split("/")
    )


def _nouns() -> list[str]:
    out = []
    for kind, singular, plural, german, gender, german_plural, *weak in _rows(lexicon.NOUNS):
        key = singular.split("/")[0]
        for number, forms in (("sg", singular), ("pl", plural)):
            mark = f"{german}/{gender}/{(weak or [german])[0]}/{german_plural}/{number}"
            out.append(_synonyms(f"N.{number}.{kind}", key, forms, mark))
    return out


def _adjectives() -> list[str]:
    return [
        _synonyms(f"A.{kind}", forms.split("/")[0], forms, german + "~")
        for kinds, forms, german in _rows(lexicon.ADJECTIVES)
        for kind in kinds.split(",")
    ]


def _verbs() -> list[str]:
    out = []
    for kinds, base, third, past, part, *german in _rows(lexicon.VERBS):
        key = base.split("/")[0]
        base_de, third_de, past_de, part_de = german
        forms = {
            "prs.sg": (third, third_de), "prs.pl": (base, base_de), "inf": (base, base_de),
            "pst.sg": (past, past_de), "pst.pl": (past, past_plural(past_de)),
            "neg.sg": (base, past_de), "neg.pl": (base, past_plural(past_de)),
            "part": (part, part_de),
        }  # fmt: skip
        for kind in kinds.split(","):
            out += [_synonyms(f"V.{n}.{kind}", key, en, de) for n, (en, de) in forms.items()]
    for base, third, past, base_de, third_de, past_de in _rows(lexicon.INTRANSITIVES):
        forms = {
            "prs.sg": (third, third_de), "prs.pl": (base, base_de),
            "pst.sg": (past, past_de), "pst.pl": (past, past_plural(past_de)),
            "neg.sg": (base, past_de), "neg.pl": (base, past_plural(past_de)),
        }  # fmt: skip
        out += [_synonyms(f"VI.{name}", base, en, de) for name, (en, de) in forms.items()]
    return out


def _adverbials() -> list[str]:
    out = []
    for symbol, table in (("TIME", lexicon.TIMES), ("PLACE", lexicon.PLACES)):
        for english, _, german in _rows(table):
            out.append(f"{symbol} -> [{english}] {_phrase(english)} = {_phrase(german)}")
    return out


def _others() -> list[str]:
    """For each emotion, the words and causes of the other five."""
    out = []
    for emotion in lexicon.EMOTIONS:
        for symbol in ("EP", "EADJ", "CAUSE", "WHY"):
            others = (f"[{e}] <{symbol}.{e}>" for e in lexicon.EMOTIONS if e != emotion)
            out.append(f"{symbol}.not.{emotion} -> " + " | ".join(others))
    return out


def _lists() -> list[str]:
    lists = dict(lexicon.WORDS, LAST=lexicon.LAST_NAMES, NUM=lexicon.NUMBERS)
    lists |= {"EVN": lexicon.EVENTS, "PRIZE": lexicon.PRIZES}
    lists |= {f"FIRST.{g}": names for g, names in lexicon.FIRST_NAMES.items()}
    return [_list(symbol, listed) for symbol, listed in lists.items()]


_SENSE = re.compile(
    r"\.(?:not\.)?(?:\$[pqe]|[+-]|" + "|".join(lexicon.EMOTIONS) + r")(?=[\s>#]|$)", re.MULTILINE
)


def build() -> Grammar:
    """The whole grammar, from the rules above and the lexicon."""
    return Grammar("\n".join([*_form(), *_others()]))


def build_form() -> Grammar:
    """The grammar without its sense: praise and blame, and the six emotions, are one to it.

    It accepts all that `build` accepts, and sentences that contradict themselves besides, such as
    "The plot was good, but I liked it." It serves to tell errors of form from errors of sense.
    """
    return Grammar(_SENSE.sub(".any", "\n".join(_form())))


def _form() -> list[str]:
    generated = [*_lists(), *_nouns(), *_adjectives(), *_verbs(), *_adverbials()]
    return [REVIEWS, EMOTION, TRANSLATABLE, NEWS, TOP, *generated]
