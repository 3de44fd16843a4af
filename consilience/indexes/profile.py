"""An index profile: `indexes/<name>.yaml`, validated; its hash is the version of what it builds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from consilience.batches import Engine
from consilience.errors import BadInputError, first_problem
from consilience.home import Rooms, fingerprint, write_atomically
from consilience.models.encoders import Encoder

# Changes when the meaning of a built index changes.
CODE = "indexes.3"

DEFAULT, CHOICE = "exact", "current"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _kind_of_embedding(given: object) -> str:
    return "encoder" if isinstance(given, Encoder | dict) else "name"


class LexicalProfile(_Part):
    """How words become terms, what each field weighs, and the constants of BM25 (Robertson and Zaragoza 2009)."""

    stem: bool = True
    weights: dict[Literal["text", "title", "mesh"], Annotated[float, Field(ge=0)]] = Field(default={"text": 1.0})
    k1: float = Field(default=1.2, gt=0)
    b: float = Field(default=0.75, ge=0, le=1)


class DenseProfile(_Part):
    """Which vectors, in which kind of FAISS index; what is None follows from how many vectors there are.

    Defaults were measured on 86,646 MiniLM vectors of abstracts and BioASQ questions: recall@10 .98, @100 .95 or more.
    """

    kind: Literal["flat", "hnsw", "ivf_sq8", "ivf_pq"] = "flat"
    # A name, or a model described: see `Encoder`.
    embedding: Annotated[
        Annotated[str, Tag("name")] | Annotated[Encoder, Tag("encoder")], Discriminator(_kind_of_embedding)
    ] = "minilm"
    # Where passages are embedded; which vectors come of it does not depend on it.
    engine: Engine = Field(default=Engine(), exclude=True)
    # Changes no hit and nothing that is built, so it is no part of the version.
    device: Literal["auto", "cpu", "gpu"] = Field(default="cpu", exclude=True)
    # Fewer vectors than `least` are not indexed, and where no more than `narrow` are allowed only those are read.
    least: int = Field(default=10_000, ge=1)
    narrow: int = Field(default=20_000, ge=0)
    # hnsw: edges of a node, and how many nodes are weighed when building and when searching.
    links: int = Field(default=32, ge=2, le=256)
    build_effort: int = Field(default=80, ge=1)
    search_effort: int = Field(default=512, ge=1)
    # ivf: cells, and how many of them a query looks into.
    lists: int | None = Field(default=None, ge=1)
    probes: int | None = Field(default=None, ge=1)
    # ivf_pq: bytes of a vector, and how many times as many candidates as are wanted are scored exactly.
    subspaces: int | None = Field(default=None, ge=1)
    refine: int = Field(default=8, ge=1)


class ClusterProfile(_Part):
    """Which Milvus searches the vectors instead of FAISS: a file of Milvus Lite, or a cluster by its URL.

    `index` and what it is built and asked with are Milvus's own names; Lite takes all of them and builds few.
    """

    # NAME.db lies with the index; a URL has no credentials in it, and is not asked unless it is enabled.
    uri: str = Field(default="milvus.db", pattern=r"^(https?://[^\s/@?#]+/?|[\w-]+\.db)$")
    enabled: bool = Field(default=False, exclude=True)
    collection: str = Field(default="consilience", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
    index: str = Field(default="FLAT", pattern=r"^[A-Z][A-Z0-9_]*$")
    build: dict[str, int | float | str] = Field(default={})
    ask: dict[str, int | float] = Field(default={})
    # So few passages in sight are named one by one.
    narrow: int = Field(default=4096, ge=0)

    @property
    def is_file(self) -> bool:
        """Say whether Milvus Lite is meant."""
        return self.uri.endswith(".db")


class FusionProfile(_Part):
    """How what the retrievers found becomes one list: by scores on one scale, or by ranks (reciprocal rank fusion).

    Weights .41 to .59 were learned on each two of SciFact, BioASQ and PubMedQA, and were best on the third.
    """

    # `spread` sets the last of a cut list to 0: for vectors whose cosines all lie close together.
    method: Literal["scores", "spread", "ranks"] = "scores"
    # By ranks only: score = sum of weight / (damping + rank).
    damping: int = Field(default=60, ge=0)
    depth: int = Field(default=200, ge=1)
    weights: dict[Literal["lexical", "dense"], Annotated[float, Field(ge=0)]] = Field(
        default={"lexical": 0.4, "dense": 0.6}
    )


class NeighboursProfile(_Part):
    """How far the best `documents` move towards the scores of what resembles them; a `share` of 0 leaves them."""

    documents: int = Field(default=50, ge=2, le=200)
    share: float = Field(default=0.0, ge=0, le=1)
    sharpness: float = Field(default=8.0, ge=0)


class RerankProfile(_Part):
    """Which model reads the first `documents` again, and how much its word weighs; none unless one is named."""

    # `cross-encoder:<model>@<revision>` of sentence-transformers, or the name of one that another package brings.
    model: str | None = None
    documents: int = Field(default=20, ge=2, le=200)
    share: float = Field(default=1.0, ge=0, le=1)


class QueryProfile(_Part):
    """What happens to a query before it is searched for."""

    # Leave out sentences about someone else, or not meant literally. Off: rules cannot know which of them matters.
    asides: bool = False


class ExpansionProfile(_Part):
    """What a query is asked by once more, and how much each kind of it weighs; nothing unless it weighs more than 0.

    A word of the query weighs 1, and so does the query's vector.
    """

    # The first so many documents are read: for the words they share (RM3), and their passages (Rocchio).
    documents: int = Field(default=5, ge=1, le=50)
    feedback: float = Field(default=0.0, ge=0, lt=1)
    words: int = Field(default=10, ge=1, le=200)
    rocchio: float = Field(default=0.0, ge=0)
    # How they shorten a name, or spell out what is short; what else vocabularies call it; which MeSH headings are
    # narrower. Of one thing so many names, the shortest; a heading with more below it is too general.
    abbreviations: float = Field(default=0.0, ge=0)
    synonyms: float = Field(default=0.0, ge=0)
    mesh: float = Field(default=0.0, ge=0)
    names: int = Field(default=8, ge=1, le=100)
    # Their best sentences as the passage that might answer.
    passage: float = Field(default=0.0, ge=0)
    sentences: int = Field(default=3, ge=1, le=20)

    @property
    def on(self) -> bool:
        """Say whether anything weighs more than 0."""
        return any((self.feedback, self.rocchio, self.abbreviations, self.synonyms, self.mesh, self.passage))


# As in the contract, which is not read before somebody asks for it.
Intent = Literal["relevance", "current", "historical", "policy"]
View = Literal["relevance", "timeliness", "authority", "commonality"]


class ViewsProfile(_Part):
    """What each view of a hit weighs by the intent of the query; an intent without weights leaves hits as fused."""

    weights: dict[Intent, dict[View, Annotated[float, Field(ge=0)]]] = Field(default={})
    # The first so many hits are viewed; a document is worth half after so many years; so many studies are asked how
    # like a hit is to them.
    depth: int = Field(default=50, ge=1, le=1000)
    half_life: float = Field(default=10.0, gt=0)
    among: int = Field(default=10, ge=1)


class Profile(_Part):
    """What one index is made of."""

    lexical: LexicalProfile = LexicalProfile()
    dense: DenseProfile = DenseProfile()
    cluster: ClusterProfile | None = None
    fusion: FusionProfile = FusionProfile()
    neighbours: NeighboursProfile = NeighboursProfile()
    rerank: RerankProfile = RerankProfile()
    query: QueryProfile = QueryProfile()
    # What is off changes no hit, and is no part of the version.
    expansion: ExpansionProfile = Field(default=ExpansionProfile(), exclude_if=lambda expansion: not expansion.on)
    views: ViewsProfile = ViewsProfile()

    @property
    def version(self) -> str:
        """The hash of everything that shapes the index and its ranking: what answers name."""
        return fingerprint([CODE, self.model_dump(mode="json")])

    @property
    def built(self) -> str:
        """The hash of what shapes the files of the index: another way of ranking is asked of the same files."""
        ranking = {"fusion", "neighbours", "rerank", "query", "expansion", "views", "lexical"}
        asked: dict[str, Any] = {"dense": {"search_effort", "probes", "refine", "narrow"}, "cluster": {"ask", "narrow"}}
        asked |= dict.fromkeys(ranking, True)
        counted = sorted(name for name, weight in self.lexical.weights.items() if weight)
        return fingerprint([CODE, self.model_dump(mode="json", exclude=asked), self.lexical.stem, counted])


def chosen(rooms: Rooms) -> str:
    """The profile this home is refreshed by: the one that `indexes/current.yaml` names, `exact` without that file."""
    if not (rooms.root / "indexes" / f"{CHOICE}.yaml").exists():
        return DEFAULT
    body = rooms.definition("indexes", CHOICE)
    name = body.get("profile")
    if not isinstance(name, str) or len(body) > 1:
        raise BadInputError("it names a profile, and nothing else", where=f"indexes/{CHOICE}.yaml",
                            expected="profile: NAME")  # fmt: skip
    return name


def choose(rooms: Rooms, name: str) -> None:
    """Write the choice of a profile; called under the writer's lock."""
    try:
        same = name == chosen(rooms)
    except BadInputError:  # a choice that cannot be read is mended by another
        same = False
    if not same:
        write_atomically(rooms.root / "indexes" / f"{CHOICE}.yaml", f"profile: {name}\n".encode())


def load(rooms: Rooms, name: str = DEFAULT) -> Profile:
    """Read and validate one profile; one that says `like: exact` says only in what it differs from that."""
    body = rooms.definition("indexes", name)
    if (like := body.pop("like", None)) is not None:
        below = rooms.definition("indexes", str(like))
        if "like" in below:
            raise BadInputError(f"it is like {like}, which is like another itself", where=f"indexes/{name}.yaml",
                                expected="like: a profile that says everything")  # fmt: skip
        body = _over(below, body)
    try:
        return Profile.model_validate(body)
    except ValidationError as error:
        raise BadInputError(
            first_problem(error), where=f"indexes/{name}.yaml", expected=", ".join(Profile.model_fields)
        ) from None


def _over(like: dict[str, object], body: dict[str, object]) -> dict[str, object]:
    """The sections of one definition with what another says put over them, key by key."""
    made = dict(like)
    for section, said in body.items():
        below = like.get(section)
        made[section] = {**below, **said} if isinstance(below, dict) and isinstance(said, dict) else said
    return made
