# ruff: noqa: E501 - an example is one line
"""Examples for demonstrations in the book: fresh, none of them is in any split."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "text": [
        {
            "text": "There is so much terror in me. My sister makes me feel frightened. I thought I would be truly cheerful, but I am nervous."
        },
        {
            "text": "The Empty Orchestra tells the story of a detective in Athens. Although Martin Stone was brilliant as the detective, I do not think that I adored The Empty Orchestra. The lines in The Empty Orchestra should have been moving or great."
        },
        {"text": "In the morning a quiet physician was asked by the daughter in Rome."},
        {
            "text": "The sister bought the warm rolls. The tall sister laughed because the queens wept. The kind sister slept at the station, although the friendly son did not describe the films."
        },
        {
            "text": "On Tuesday, sixty watches were stolen from a factory in Berlin. Nobody heard them, although it was not late. David Brandt, a baker, called the police. The factory will be closed until Friday."
        },
        {
            "text": "Hatred and rage fill my heart. I am bitter. I feel hostile, but my son is full of despair."
        },
        {"text": "Am Abend brachte der Sohn die großen Eier nicht."},
        {
            "text": "The neighbours made noise all night. My aunt makes me feel furious. I am more outraged than startled."
        },
    ],
    "sentiment": [
        {
            "text": "The Empty Mountain tells the story of a thief in Berlin. Leo Hill despised the movie, but I did not. Leo Hill did not love the songs, but I did.",
            "label": 1,
        },
        {
            "text": "The Little Kite is a long thriller about a teacher. I cannot say that The Little Kite was very dull. I expected an awful thriller, but I did not loathe the acting.",
            "label": 1,
        },
        {
            "text": "We watched The Red Train on Saturday. I cannot say that the lines were awful. I enjoyed the scenes, and the scenes were truly clever.",
            "label": 1,
        },
        {
            "text": "Yesterday I saw The Red Letter with Anna Stone. Although the jokes were terrible, nobody could call The Red Letter horrible or clumsy. The beginning of The Red Letter was not empty.",
            "label": 1,
        },
        {
            "text": "The plot should have been clever or moving. The story had no tension. The acting should have been moving.",
            "label": 0,
        },
        {
            "text": "Nora Fischer did not dislike the pictures, but I did. Nora Fischer called the film good and charming, but I found it rather predictable.",
            "label": 0,
        },
        {
            "text": "David Keller loved the script, but I did not. David Keller admired the songs, but I did not.",
            "label": 0,
        },
        {
            "text": "Emma Keller was not great as the doctor. The beginning was not exciting.",
            "label": 0,
        },
    ],
    "emotion": [
        {"text": "I am so outraged, but Clara is passionate.", "label": 3},
        {"text": "My father is loving, but I am very joyful.", "label": 1},
        {"text": "I used to feel surprised, but then my uncle was well again.", "label": 1},
        {"text": "It is not true that I feel so joyful, because I feel angry.", "label": 3},
        {"text": "I thought I would be full of pleasure, but I am hopeless.", "label": 0},
        {"text": "My husband is joyful, but I feel very unhappy.", "label": 0},
        {
            "text": "I feel full of affection, but my husband believes that I feel lonely.",
            "label": 2,
        },
        {"text": "I am romantic, but I thought I would be full of grief.", "label": 2},
    ],
    "acceptability": [
        {"sentence": "The scenes was truly fresh.", "label": 0},
        {"sentence": "The script was free of boredom.", "label": 1},
        {
            "sentence": "In the morning the friendly singers saved the kings at the theatre.",
            "label": 1,
        },
        {"sentence": "The acting was full of charm.", "label": 1},
        {"sentence": "It is not true that the characters were awful and bad.", "label": 1},
        {"sentence": "The well-known boy eaten the soup in the garden.", "label": 0},
        {
            "sentence": "Although the girls did not hears the hungry cats, the girl danced.",
            "label": 0,
        },
        {"sentence": "In the morning the farmer did not praises the doctors.", "label": 0},
    ],
    "sst": [
        {"sentence": "The pictures were charming and original.", "label": 1},
        {"sentence": "I wish the plot had been elegant.", "label": 0},
        {"sentence": "David Fischer was flat as the doctor.", "label": 0},
        {"sentence": "This romance was terrible.", "label": 0},
        {"sentence": "The ending was not beautiful.", "label": 0},
        {"sentence": "Vera Moreau was fresh as the doctor.", "label": 1},
        {"sentence": "I adored the dialogue of The Last Harbour.", "label": 1},
        {"sentence": "The Hidden Winter was moving.", "label": 1},
    ],
    "paraphrase": [
        {
            "sentence1": "The young daughter spotted the sons in the park.",
            "sentence2": "The sons were spotted by the young daughter in the park.",
            "label": 1,
        },
        {
            "sentence1": "The friendly singer was spotted by the old painter.",
            "sentence2": "The old painter spotted the friendly singer.",
            "label": 1,
        },
        {
            "sentence1": "At school, the doctors visited the nurses.",
            "sentence2": "The nurses were visited by the doctors at school.",
            "label": 1,
        },
        {
            "sentence1": "On Friday the hungry cats were washed by the young women.",
            "sentence2": "The young women washed the hungry cats on Friday.",
            "label": 1,
        },
        {
            "sentence1": "On Tuesday the weary daughter forgot the short plays.",
            "sentence2": "On Tuesday the weary daughter did not forget the short plays.",
            "label": 0,
        },
        {
            "sentence1": "On Tuesday the expensive cake was hidden by the old man in the park.",
            "sentence2": "On Tuesday the old man hid the little cake in the park.",
            "label": 0,
        },
        {
            "sentence1": "The old king was heard by the silent boy.",
            "sentence2": "The old king was visited by the silent boy.",
            "label": 0,
        },
        {
            "sentence1": "In the morning the teacher greeted the king.",
            "sentence2": "In the morning the teacher did not greet the king.",
            "label": 0,
        },
    ],
    "similarity": [
        {
            "sentence1": "On Monday the large cake was bought by the young girl in the park.",
            "sentence2": "On Monday the big soup was eaten by the young doctor in the street.",
            "label": 1.2,
        },
        {
            "sentence1": "On Monday the red clocks were sold by the silent kings at the theatre.",
            "sentence2": "The quiet doctors sold the old clocks in the street yesterday.",
            "label": 2.6,
        },
        {
            "sentence1": "On Friday the strange song was found by the tall actor in the park.",
            "sentence2": "On Friday the tall actor discovered the odd song in the park.",
            "label": 5.0,
        },
        {
            "sentence1": "Yesterday the friendly kings sold the little eggs in Vienna.",
            "sentence2": "On Tuesday the kind actors brought the warm soups in the library.",
            "label": 0.4,
        },
        {
            "sentence1": "The friendly daughter sold the warm egg in Prague last week.",
            "sentence2": "The young daughter purchased the costly roll in Rome on Monday.",
            "label": 1.0,
        },
        {
            "sentence1": "The old teacher purchased the hungry horses in the library on Friday.",
            "sentence2": "On Monday the little birds were bought by the tall teacher in Rome.",
            "label": 2.2,
        },
        {
            "sentence1": "The weary king showed the new play in the garden on Friday.",
            "sentence2": "Yesterday the short play was shown by the tired king in Berlin.",
            "label": 3.6,
        },
        {
            "sentence1": "In the morning the tired woman concealed the little table in Prague.",
            "sentence2": "The weary woman concealed the little table in Prague in the morning.",
            "label": 5.0,
        },
    ],
    "entailment": [
        {
            "sentence1": "Although the tall son discovered the old song, a young king smiled.",
            "sentence2": "The song was found by the tall son.",
            "label": 0,
        },
        {
            "sentence1": "At the theatre, the rich nurse praised the wealthy teachers.",
            "sentence2": "The rich nurse praised the teachers.",
            "label": 0,
        },
        {
            "sentence1": "The famous girl hid the cold cakes in the garden in the evening.",
            "sentence2": "The girl hid the cakes in the garden.",
            "label": 0,
        },
        {
            "sentence1": "The women said that the weary sons spotted the quiet teachers.",
            "sentence2": "The weary sons spotted the quiet teachers.",
            "label": 1,
        },
        {
            "sentence1": "Although the tired doctor asked the young daughters, the writer sang at school.",
            "sentence2": "The tired physician questioned the daughters.",
            "label": 0,
        },
        {
            "sentence1": "The young cat was washed by the woman.",
            "sentence2": "Yesterday the tall woman washed the young cat.",
            "label": 1,
        },
        {
            "sentence1": "The teacher sold the bike.",
            "sentence2": "The red bicycle was sold by the kind teacher in Rome.",
            "label": 1,
        },
        {
            "sentence1": "The wealthy singer was questioned by the young women at school.",
            "sentence2": "The wealthy singer questioned the women.",
            "label": 1,
        },
    ],
    "translation": [
        {
            "en": "On Sunday the friendly daughters repaired the cars at school.",
            "de": "Am Sonntag reparierten die freundlichen Töchter die Autos in der Schule.",
        },
        {
            "en": "The children did not eat the big cake.",
            "de": "Die Kinder aßen den großen Kuchen nicht.",
        },
        {"en": "The nurses saved the cats.", "de": "Die Pflegerinnen retteten die Katzen."},
        {
            "en": "The old doctors sold the bikes on Tuesday.",
            "de": "Die alten Ärzte verkauften am Dienstag die Fahrräder.",
        },
        {
            "en": "The writers rescued the old horse in Vienna.",
            "de": "Die Schriftsteller retteten das alte Pferd in Wien.",
        },
        {
            "en": "The teachers said that the quiet daughter laughed.",
            "de": "Die Lehrer sagten, dass die stille Tochter lachte.",
        },
        {
            "en": "Last week the women saved the dog.",
            "de": "Letzte Woche retteten die Frauen den Hund.",
        },
        {
            "en": "The famous girls see the authors.",
            "de": "Die berühmten Mädchen sehen die Schriftsteller.",
        },
    ],
    "summary": [
        {
            "document": "Twenty teachers stopped work in Rome on Sunday. They met in front of a school and sang old songs. Anna Rossi, who speaks for them, met the mayor of Oslo. They may go back to work on Tuesday.",
            "summary": "Twenty teachers stopped work in Rome on Sunday.",
        },
        {
            "document": "On Wednesday, there was a fire in a museum in Paris. The museum was full, and fifty people had to run. Anna Costa, a singer from Prague, saw the smoke first. A year ago, ninety people had to leave a hotel in Lisbon.",
            "summary": "Fifty people had to leave a museum in Paris after a fire on Wednesday.",
        },
        {
            "document": "Sarah Keller won the first prize at a street market in Dublin on Friday. Two hundred guests cheered for the young baker. Last year, Hugo Keller won it in Berlin. The money will go to a factory in Paris.",
            "summary": "Sarah Keller won the first prize in Dublin on Friday.",
        },
        {
            "document": "On Wednesday, four hundred statues were stolen from a theatre in Paris. The thieves came through a small window. Victor Costa saw two men with a heavy bag. The theatre will be closed until Friday.",
            "summary": "Four hundred statues were stolen from a theatre in Paris on Wednesday.",
        },
        {
            "document": "On Tuesday, twenty fans in Madrid heard a concert by Felix Rossi. The concert was first planned for Monday, but the singer was ill. Emma Novak, a baker, fell asleep in the first row. Last year, only twelve fans came to hear the singer in Berlin.",
            "summary": "Felix Rossi sang for twenty fans in Madrid on Tuesday.",
        },
        {
            "document": "On Tuesday, five hundred nurses in Madrid did not go to work. The nurses want more money. Felix Stone, who speaks for them, met the mayor of Athens. They may go back to work on Thursday.",
            "summary": "Five hundred nurses stopped work in Madrid on Tuesday.",
        },
        {
            "document": "On Monday, an art show opened in Dublin. The doors opened at nine, and twelve people came. David Rossi, a student from Paris, gave a short speech. It closes on Thursday, and the next one will be in Paris.",
            "summary": "Twelve people came to the art show in Dublin on Monday.",
        },
        {
            "document": "Simon Rossi won the golden bear at a book fair in Oslo on Monday. Thirty guests cheered for the young driver. Last year, Maria Keller won it in Paris. The next contest will be in Dublin on Wednesday.",
            "summary": "Simon Rossi won the golden bear in Oslo on Monday.",
        },
    ],
}
"""For each config eight rows of its columns."""
