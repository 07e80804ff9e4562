# ruff: noqa: E501 - a table's entry is one line
"""The words of the pocket corpus, each with what the rules must know about it.

Everything here was written for this study. Tables are plain text, one entry a line, so that a
word can be added without touching code. A `/` separates English synonyms, `_` stands for a space.
"""

from __future__ import annotations

EMOTIONS = ("sadness", "joy", "love", "anger", "fear", "surprise")
"""The six emotions in the index order of the real data set."""

NOUNS = """
pers teacher            teachers            Lehrer        m Lehrer
pers doctor/physician   doctors/physicians  Arzt          m Ärzte
pers writer/author      writers/authors     Schriftsteller m Schriftsteller
pers singer             singers             Sänger        m Sänger
pers actor              actors              Schauspieler  m Schauspieler
pers painter            painters            Maler         m Maler
pers farmer             farmers             Bauer         m Bauern     Bauern
pers boy                boys                Junge         m Jungen     Jungen
pers king               kings               König         m Könige
pers son                sons                Sohn          m Söhne
pers man                men                 Mann          m Männer
pers woman              women               Frau          f Frauen
pers girl               girls               Mädchen       n Mädchen
pers child/kid          children/kids       Kind          n Kinder
pers queen              queens              Königin       f Königinnen
pers nurse              nurses              Pflegerin     f Pflegerinnen
pers sister             sisters             Schwester     f Schwestern
pers daughter           daughters           Tochter       f Töchter
text book               books               Buch          n Bücher
text letter             letters             Brief         m Briefe
text newspaper/paper    newspapers/papers   Zeitung       f Zeitungen
text story/tale         stories/tales       Geschichte    f Geschichten
text poem               poems               Gedicht       n Gedichte
food cake               cakes               Kuchen        m Kuchen
food apple              apples              Apfel         m Äpfel
food roll               rolls               Brötchen      n Brötchen
food soup               soups               Suppe         f Suppen
food egg                eggs                Ei            n Eier
mach car/automobile     cars/automobiles    Auto          n Autos
mach bicycle/bike       bicycles/bikes      Fahrrad       n Fahrräder
mach clock              clocks              Uhr           f Uhren
mach camera             cameras             Kamera        f Kameras
mach lamp               lamps               Lampe         f Lampen
mach table              tables              Tisch         m Tische
anim dog                dogs                Hund          m Hunde
anim cat                cats                Katze         f Katzen
anim horse              horses              Pferd         n Pferde
anim bird               birds               Vogel         m Vögel
art  film/movie         films/movies        Film          m Filme
art  picture/painting   pictures/paintings  Bild          n Bilder
art  song               songs               Lied          n Lieder
art  play               plays               Stück         n Stücke
"""
"""class, English singular, English plural, German, gender, German plural, weak ending form."""

ADJECTIVES = """
pers old            alt
pers young          jung
pers tall           groß
pers famous/well-known berühmt
pers tired/weary    müde
pers rich/wealthy   reich
pers friendly/kind  freundlich
pers quiet/silent   still
text,mach,art       old             alt
text,mach,art       new             neu
mach,food,anim      big/large       groß
mach,food,anim      small/little    klein
text,mach,art,food  strange/odd     seltsam
text,art            long/lengthy    lang
text,art            short/brief     kurz
mach                red             rot
text,mach,food      expensive/costly kostspielig
food                warm            warm
food                cold            kalt
art                 famous/well-known berühmt
anim                old             alt
anim                young           jung
anim                hungry          hungrig
anim                black           schwarz
anim                white           weiß
"""
"""classes, English, German stem."""

VERBS = """
pers            praise    praises    praised    praised    loben      lobt      lobte      gelobt
pers,anim       see/spot  sees/spots saw/spotted seen/spotted sehen   sieht     sah        gesehen
pers            visit     visits     visited    visited    besuchen   besucht   besuchte   besucht
pers            greet greets greeted greeted grüßen grüßt grüßte gegrüßt
pers            kiss      kisses     kissed     kissed     küssen     küsst     küsste     geküsst
pers            ask/question asks/questions asked/questioned asked/questioned fragen fragt fragte gefragt
pers,anim       save/rescue saves/rescues saved/rescued saved/rescued retten rettet rettete gerettet
pers,anim       hear      hears      heard      heard      hören      hört      hörte      gehört
text            open      opens      opened     opened     öffnen     öffnet    öffnete    geöffnet
text            write     writes     wrote      written    schreiben  schreibt  schrieb    geschrieben
text,art,mach   find/discover finds/discovers found/discovered found/discovered finden findet fand gefunden
text,food,mach,anim,art buy/purchase buys/purchases bought/purchased bought/purchased kaufen kauft kaufte gekauft
text,food,mach,anim,art sell sells sold sold verkaufen verkauft verkaufte verkauft
text,mach,food  hide/conceal hides/conceals hid/concealed hidden/concealed verstecken versteckt versteckte versteckt
text            finish/complete finishes/completes finished/completed finished/completed beenden beendet beendete beendet
food            eat       eats       ate        eaten      essen      isst      aß         gegessen
food            try/taste tries/tastes tried/tasted tried/tasted probieren probiert probierte probiert
food            bring     brings     brought    brought    bringen    bringt    brachte    gebracht
mach            repair/fix repairs/fixes repaired/fixed repaired/fixed reparieren repariert reparierte repariert
mach            clean     cleans     cleaned    cleaned    putzen     putzt     putzte     geputzt
mach            steal     steals     stole      stolen     stehlen    stiehlt   stahl      gestohlen
mach            build/construct builds/constructs built/constructed built/constructed bauen baut baute gebaut
anim            feed      feeds      fed        fed        füttern    füttert   fütterte   gefüttert
anim            wash      washes     washed     washed     waschen    wäscht    wusch      gewaschen
art             show      shows      showed     shown      zeigen     zeigt     zeigte     gezeigt
art             forget    forgets    forgot     forgotten  vergessen  vergisst  vergaß     vergessen
art             describe  describes  described  described  beschreiben beschreibt beschrieb beschrieben
"""
"""classes, infinitive, third person, past, participle; the same four in German."""

INTRANSITIVES = """
sleep  sleeps  slept   schlafen schläft  schlief
laugh  laughs  laughed lachen   lacht    lachte
weep   weeps   wept    weinen   weint    weinte
sing   sings   sang    singen   singt    sang
dance  dances  danced  tanzen   tanzt    tanzte
wait   waits   waited  warten   wartet   wartete
work   works   worked  arbeiten arbeitet arbeitete
smile  smiles  smiled  lächeln  lächelt  lächelte
"""

TIMES = """
yesterday = gestern
on_Monday = am_Montag
on_Tuesday = am_Dienstag
on_Friday = am_Freitag
on_Sunday = am_Sonntag
last_week = letzte_Woche
in_the_evening = am_Abend
in_the_morning = am_Morgen
"""

PLACES = """
in_the_garden = im_Garten
in_the_kitchen = in_der_Küche
in_the_park = im_Park
at_the_station = am_Bahnhof
at_the_theatre = im_Theater
in_the_library = in_der_Bibliothek
in_the_street = auf_der_Straße
at_school = in_der_Schule
in_Berlin = in_Berlin
in_Vienna = in_Wien
in_Rome = in_Rom
in_Prague = in_Prag
"""

FIRST_NAMES = {
    "m": "Paul Peter Martin Felix Simon David Oscar Leo Victor Hugo",
    "f": "Anna Clara Maria Julia Nora Laura Emma Sarah Vera Helen",
}
LAST_NAMES = "Weber Stone Keller Rossi Novak Moreau Lindberg Costa Fischer Hill Brandt Nolan"

WORDS: dict[str, str] = {
    "ADJ.+": "good great wonderful brilliant charming funny clever moving beautiful elegant"
    " witty gripping fresh exciting impressive lovely original",
    "ADJ.-": "bad awful terrible boring dull silly weak stupid horrible poor tedious clumsy bland"
    " empty flat lifeless predictable",
    "QUAL.+": "charm wit heart energy magic style warmth tension",
    "QUAL.-": "mistakes cliches holes noise boredom nonsense confusion clutter",
    "LIKED.+": "loved enjoyed liked admired adored",
    "LIKED.-": "hated disliked despised loathed regretted",
    "LIKE.+": "love enjoy like admire adore",
    "LIKE.-": "hate dislike despise loathe regret",
    "FILMADJ": "new old short long quiet loud strange famous",
    "TADJ": "Silent Golden Broken Hidden Last Red Distant Frozen Secret Burning Empty Little",
    "TNOUN": "River Garden Mirror Train Winter Letter Island Door Mountain Orchestra Harbour Kite",
    "ASP.sg": "story plot music acting ending dialogue script beginning camera",
    "ASP.pl": "actors jokes scenes characters songs pictures effects lines costumes",
    "ROLE": "king queen detective thief teacher captain doctor widow pilot",
    "INT": "very really truly quite rather so",
    "GENRE": "comedy thriller western romance musical drama",
    "EADJ.sadness": "sad unhappy miserable lonely heartbroken gloomy hopeless",
    "EADJ.joy": "happy glad cheerful delighted joyful content merry",
    "EADJ.love": "loving tender affectionate caring romantic devoted passionate",
    "EADJ.anger": "angry furious mad irritated outraged bitter hostile",
    "EADJ.fear": "afraid scared nervous anxious frightened worried terrified",
    "EADJ.surprise": "surprised amazed astonished stunned shocked startled speechless",
    "ENOUN.sadness": "grief sorrow sadness despair",
    "ENOUN.joy": "joy happiness delight pleasure",
    "ENOUN.love": "love affection tenderness devotion",
    "ENOUN.anger": "rage anger fury hatred",
    "ENOUN.fear": "fear panic terror dread",
    "ENOUN.surprise": "surprise amazement astonishment wonder",
    "CITY": "Berlin Hamburg Vienna Rome Prague London Dublin Madrid Lisbon Oslo Athens Paris",
    "DAY": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "BUILDING": "school hotel library museum theatre factory",
    "LOOT": "paintings watches cameras coins rings statues",
    "WORKERS": "drivers nurses teachers cooks pilots actors",
    "JOB": "teacher student painter driver singer baker",
}
"""Plain word lists: the symbol and its words, each its own key."""

NUMBERS = (
    "ten twelve fifteen twenty thirty forty fifty sixty eighty ninety two_hundred three_hundred"
    " four_hundred five_hundred nine_hundred"
)
EVENTS = "film_festival book_fair street_market music_festival art_show chess_contest"
PRIZES = "first_prize golden_bear silver_medal young_talent_prize"
