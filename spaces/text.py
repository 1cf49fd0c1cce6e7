"""How a text becomes token ids, and ids vectors: ranges that the families share."""

from spaces.ranges import Choice, Int, declare

# The trials of families that embed words have it. Another value is "file", of --vectors FILE.
VECTORS = "text.vectors"

TEXT = declare(
    __file__,
    "text",
    vocab_size=Int(
        low=500,
        high=80_000,
        default=20_000,
        log=True,
        least=5,  # the reserved ids and a word
        most=131_071,  # 17 bits: search/models/ngrams.py
        note="token ids in use, as Keras' num_words: the most frequent words, 4 reserved ids",
    ),
    maxlen=Int(
        low=20,
        high=2_500,
        default=400,
        log=True,
        least=2,
        most=100_000,
        note="tokens of a text that are kept, the start token among them",
    ),
    truncating=Choice(
        options=("pre", "post"),
        default="pre",
        note="where a longer text is cut, as in Keras: pre keeps its end, post its beginning",
    ),
    padding=Choice(
        options=("bucket", "full"),
        default="bucket",
        note="bucket: masked, to the longest of the batch; full: in front to maxlen, no mask",
    ),
    vectors=Choice(
        options=("random", "counted"),
        default="random",
        note="how the vectors of words begin: at random, or counted in all texts but validation "
        "and test",
    ),
)
