"""The words and sentence patterns of the synthetic corpus; `ml.data.grammar` holds its rules.

In a pattern, {s} is what is spoken of, {w} a word with a polarity, {a} its article.
Every word list is a pair (bad, good), so that `WORDS[good]` picks one.
"""

from typing import NamedTuple

Words = tuple[str, ...]

# What the verdict is about.
FILM: Words = ("the film", "the movie")
ASPECTS: Words = (
    *("the plot", "the script", "the story", "the ending", "the opening", "the finale"),
    *("the acting", "the dialogue", "the pacing", "the editing", "the direction", "the score"),
    *("the soundtrack", "the premise", "the style", "the climax", "the love story"),
    *("the final scene", "the first half", "the second half", "the camerawork", "the lighting"),
    *("the cast", "the humour", "the tone", "the mood", "the narration", "the staging"),
    *("the sound design", "the opening scene", "the last act", "the middle part"),
)
# What it is not about: other works, of which the same can be said, and what only has a quality.
WORKS: Words = ("the trailer", "the book", "the sequel")
THINGS: Words = ("the popcorn", "the poster")

# The first 28 of each say something of popcorn too. None begins with a vowel that is spoken as a
# consonant or with a silent h: the article follows from the first letter.
GENERAL = 28
ADJECTIVES: tuple[Words, Words] = (
    (
        *("terrible", "awful", "dreadful", "horrible", "poor", "bad", "mediocre", "appalling"),
        *("disappointing", "atrocious", "abysmal", "lousy", "miserable", "pathetic", "dismal"),
        *("shoddy", "forgettable", "bland", "stale", "tasteless", "ghastly", "dire", "rotten"),
        *("feeble", "unpleasant", "annoying", "inferior", "cheap"),
        *("dull", "boring", "tedious", "predictable", "contrived", "incoherent", "muddled"),
        *("shallow", "clumsy", "lifeless", "tiresome", "pompous"),
    ),
    (
        *("superb", "excellent", "wonderful", "brilliant", "great", "good", "fantastic"),
        *("marvellous", "splendid", "terrific", "outstanding", "magnificent", "delightful"),
        *("lovely", "stunning", "impressive", "remarkable", "memorable", "exquisite", "glorious"),
        *("amazing", "perfect", "charming", "pleasant", "admirable", "enjoyable", "fabulous"),
        "exceptional",
        *("moving", "gripping", "witty", "clever", "touching", "thrilling", "poignant"),
        *("inventive", "graceful", "captivating", "subtle", "intelligent"),
    ),
)
VERBS: tuple[Words, Words] = (
    (
        *("bore", "annoy", "irritate", "disappoint", "tire", "confuse", "exhaust", "frustrate"),
        *("bother", "embarrass", "offend", "depress"),
    ),
    (
        *("delight", "charm", "impress", "captivate", "enchant", "thrill", "amuse", "dazzle"),
        *("convince", "inspire", "fascinate", "please"),
    ),
)
NOUNS: tuple[Words, Words] = (
    (
        *("padding", "nonsense", "blunders", "mannerisms", "pretension", "melodrama"),
        *("platitudes", "stereotypes", "kitsch", "bombast", "flaws", "errors"),
    ),
    (
        *("charm", "wit", "warmth", "energy", "heart", "grace", "imagination", "flair"),
        *("passion", "elegance", "spirit", "beauty"),
    ),
)


class Frame(NamedTuple):
    """How a word of one kind is said of something: affirmed or denied."""

    words: tuple[Words, Words]
    affirmed: Words
    denied: Words


# What the negators deny are good and bad words alike: a negator alone says nothing about the label.
QUALITY = Frame(
    (ADJECTIVES[0][:GENERAL], ADJECTIVES[1][:GENERAL]),
    ("{s} is {w}", "{s} was {w}", "{s} was really {w}", "{s} was truly {w}", "{s} was quite {w}"),
    ("{s} is not {w}", "{s} was not {w}", "{s} was hardly {w}", "{s} was anything but {w}"),
)
NEAR = Frame(
    ADJECTIVES,
    (
        *("{s} is {w}", "{s} was {w}", "{s} is really {w}", "{s} is quite {w}"),
        "{s} is {a} {w} piece of work",
    ),
    (
        *("{s} is not {w}", "{s} is never {w}", "{s} is hardly {w}", "{s} is anything but {w}"),
        "{s} is not {a} {w} piece of work",
    ),
)
FAR = Frame(
    ADJECTIVES,
    ("I would call {s} {w}", "I found {s} {w}", "there is something {w} about {s}"),
    ("I would not call {s} {w}", "I never found {s} {w}", "there is nothing {w} about {s}"),
)
ACT = Frame(VERBS, ("{s} managed to {w} me",), ("{s} failed to {w} me",))
HAVE = Frame(NOUNS, ("{s} is full of {w}",), ("{s} lacks {w}", "{s} is free of {w}"))
# The weight of a frame is how often it stands here.
FRAMES = (*4 * (NEAR,), *2 * (FAR,), ACT, HAVE)

AGREE: Words = (
    *("{main}, and {other}", "{main}; {other}", "{main}, and besides, {other}"),
    "{main}; what is more, {other}",
)
# The main clause wins.
CONTRAST: Words = ("although {other}, {main}", "{main}, although {other}", "{other}, but {main}")
# Neutral connectors: what decides is which of the two is the film.
TARGET: Words = (
    *("{main}, and {other}", "{other}, and {main}", "{main}; {other}", "{other}; {main}"),
    *("{main}, while {other}", "while {other}, {main}"),
)
SOURCES: Words = (
    *("critics", "reviewers", "my friends", "my parents", "the papers", "some fans"),
    *("most people", "my neighbours"),
)
CLAIM = "say that"
# Whether the writer shares the claim: (no, yes).
VERDICTS: tuple[Words, Words] = (
    ("{claim}, and they are wrong", "{claim}, and I disagree"),
    ("{claim}, and they are right", "{claim}, and I agree"),
)

# Says nothing; there so that a verdict is not the whole text.
OPENERS: Words = (
    *("honestly,", "for me,", "in my view,", "to be fair,", "all in all,", "frankly,"),
    *("in short,", "looking back,"),
)
ASIDES: Words = (
    *("I saw it last night.", "We watched it on a plane.", "My sister picked it."),
    *("I went there with a friend.", "It was raining outside.", "The room was half empty."),
    *("We sat in the third row.", "It starts at eight.", "I had not heard of it before."),
    "It runs for two hours.",
)
