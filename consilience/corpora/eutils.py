"""A client of NCBI's E-utilities that never takes a failed search for an empty one (sources §2).

The key travels in the body of a POST and is struck out of every reply before anything else reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, quote_plus

from consilience.corpora import pubmed
from consilience.corpora.web import FaultError, Web, body_of
from consilience.corpora.xmlfile import Element, Limits, as_written, elements
from consilience.errors import BadInputError, RefusedFileError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
TOOL = "consilience"
CAP = 9_999  # what esearch gives of PubMed, whatever it is asked for
AT_ONCE = 200  # ids of one efetch
LAST_PMID = 99_999_999
_LONGEST_REPLY = 256 << 20
PATIENCE = 3  # batches in a row that may fail before the rest is given up
_AGAIN = 6
_SOMETIMES = 3  # "Search Backend failed" means an outage or a query in bad syntax
_HIDDEN = b"[key]"
_ID = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
# `<eSearchResult><ERROR>…`, or bare in a reply of plain text; it may be cut off before its end.
_ENVELOPE = re.compile(r"(?:<e\w+Result>.*?|\A\s*)<ERROR>(.*?)(?:</ERROR>|\Z)", re.DOTALL)
_KNOWS_NO_ID = re.compile(rb"<ERROR>\s*ID list is empty")
_NO_RECORDS = b"<PubmedArticleSet/>"
_FORGOTTEN = re.compile(r"Unable to obtain query|history data")
_CAPPED = re.compile(r"cannot be larger than|only retrieve the first|acceptable range")
_EMPTY_SET = re.compile(rb"<PubmedArticleSet\s*/>|<PubmedArticleSet>\s*</PubmedArticleSet>")
# What a 400 says when it means a 502 (sources §2.3).
_PROXY = re.compile(r"proxy_stream|PubOne|\b502\b|Bad Gateway", re.IGNORECASE)
# The lists of both shapes, XML and JSON: what was dropped from the query, in words.
_DROPPED = {
    "fieldnotfound": "field not found", "fieldsnotfound": "field not found",
    "phrasenotfound": "phrase not found", "phrasesnotfound": "phrase not found",
    "phraseignored": "phrase ignored", "phrasesignored": "phrase ignored",
    "quotedphrasenotfound": "quoted phrase not found", "quotedphrasesnotfound": "quoted phrase not found",
}  # fmt: skip
_DIALECT = replace(pubmed.DIALECT, records={"PubmedArticleSet": ("PubmedArticle", "PubmedBookArticle")})


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to: every id, how PubMed read the query, and what it dropped of it."""

    count: int
    ids: tuple[int, ...] = ()
    translation: str = ""
    dropped: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Page:
    """One reply of esearch."""

    count: int
    ids: tuple[int, ...]
    history: tuple[str, str] | None
    translation: str
    dropped: tuple[str, ...]
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks; the key shows in no text of it."""

    email: str = field(default="", repr=False)
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Take what a file or a shell leaves around a key for no part of it: no reply would repeat that."""
        object.__setattr__(self, "email", self.email.strip())
        object.__setattr__(self, "key", self.key.strip())

    @property
    def rate(self) -> float:
        """Requests a second: a little below NCBI's 3, or 10 with a key."""
        return 9.0 if self.key else 2.8

    def as_form(self) -> dict[str, str]:
        """The fields that go with every request."""
        given = {"tool": TOOL, "email": self.email, "api_key": self.key}
        return {name: value for name, value in given.items() if value}


class Eutils:
    """One service, asked for one search and its records."""

    def __init__(self, base: str, web: Web, identity: Identity, *, scratch: Path) -> None:
        self._base = base.rstrip("/")
        self._web = web
        self._identity = identity
        self._scratch = scratch  # a folder for one reply at a time
        key = identity.key
        written = sorted({key, json.dumps(key)[1:-1], quote(key, safe=""), quote_plus(key), escape(key)})
        self._keyless = re.compile(b"|".join(re.escape(each.encode()) for each in written), re.IGNORECASE)

    def search(
        self, term: str, *, since: date | None = None, longest: int = 100_000, accept_translation: bool = False
    ) -> Found:
        """All ids of a search, in order; FaultError when any part of it failed.

        `since` keeps what entered PubMed on that day or later. Above 9,999 hits the range of PMIDs is halved until each
        part can be had whole, as EDirect does. A query of which PubMed dropped a part is another query: it is refused
        unless that was accepted.
        """
        dates = _dates(since)
        whole = self._page(term, dates)
        if whole.dropped and not accept_translation:
            raise BadInputError(
                f"PubMed dropped a part of the query and would answer another one: {'; '.join(whole.dropped)}",
                where="query", expected="a query PubMed takes whole, or --accept-translation",
            )  # fmt: skip
        if whole.count > longest:
            raise BadInputError(
                f"the search finds {whole.count:,} records", where="query",
                expected=f"at most {longest:,}: a narrower query, or the files of PubMed (consilience refresh)",
            )  # fmt: skip
        ids = self._halved(term, dates, whole) if whole.count > CAP else self._whole(term, dates, whole)
        return Found(whole.count, tuple(sorted(ids)), whole.translation, whole.dropped, whole.messages)

    def fetch(self, ids: Sequence[int]) -> Iterator[tuple[dict[int, str], FaultError | None]]:
        """The records of ids as XML, 200 a request, in the order of the ids, each with the fault that cost the rest.

        What a reply leaves out is asked for once more. After three faults in a row, or one that used up the patience
        of the call, nothing more is asked.
        """
        failed = 0
        for start in range(0, len(ids), AT_ONCE):
            batch, fault = ids[start : start + AT_ONCE], None
            found: dict[int, str] = {}
            try:
                found = self._records(batch)
                if left := [pmid for pmid in batch if pmid not in found]:
                    found |= self._records(left)
            except FaultError as error:
                fault = error
            yield {pmid: found[pmid] for pmid in batch if pmid in found}, fault
            failed = failed + 1 if fault else 0
            if failed >= PATIENCE or (failed and self._web.is_worn_out):
                return

    # ---------------------------------------------------------------- searching

    def _page(self, term: str, dates: Mapping[str, str]) -> _Page:
        form = {"term": term, "usehistory": "y", "retmode": "json", "retstart": "0", "retmax": str(CAP), **dates}
        return self._post("esearch", form, _search_page)

    def _whole(self, term: str, dates: Mapping[str, str], first: _Page) -> set[int]:
        return set(first.ids) if len(first.ids) >= first.count else self._paged(term, dates, first)

    def _paged(self, term: str, dates: Mapping[str, str], first: _Page) -> set[int]:
        """The rest of a search that came in pieces, from the history, so that all pieces are of one result."""
        try:
            return self._pages(first)
        except FaultError as fault:
            if fault.kind != "history":
                raise
        # The history has gone: begin again, once.
        return self._pages(self._page(term, dates))

    def _pages(self, first: _Page) -> set[int]:
        ids = set(first.ids)
        while len(ids) < first.count and (more := self._from_history(first, len(ids)) - ids):
            ids |= more
        return ids

    def _from_history(self, page: _Page, start: int) -> set[int]:
        if page.history is None:
            return set()
        web_env, key = page.history
        form = {"WebEnv": web_env, "query_key": key, "retstart": str(start), "retmax": str(CAP), "rettype": "uilist"}
        return set(self._post("efetch", {**form, "retmode": "text"}, _id_lines))

    def _halved(self, term: str, dates: Mapping[str, str], whole: _Page) -> set[int]:
        top = max(whole.ids, default=0) + 1000
        ids: set[int] = set()
        ranges = [(1, top)]
        # No level of halving can hold more parts above the cap than this, and there are 27 of them.
        left = 2 * 27 * (whole.count // CAP + 1)
        while ranges:
            low, high = ranges.pop()
            part = f"( {term} ) AND {low}:{high}[UID]"
            page = self._page(part, dates)
            left -= 1
            is_whole = page.count <= CAP
            if left < 0 or set(page.dropped) - set(whole.dropped) or (low == high and not is_whole):
                raise FaultError("capped", "the service does not narrow the search to a range of PMIDs")
            if not is_whole:
                middle = (low + high) // 2
                ranges += [(middle + 1, high), (low, middle)]
                continue
            ids |= self._whole(part, dates, page)
            # The page of the newest need not hold the greatest PMID.
            if not ranges and len(ids) < whole.count and high < LAST_PMID:
                ranges = [(high + 1, LAST_PMID)]
        return ids

    # ---------------------------------------------------------------- fetching

    def _records(self, ids: Sequence[int]) -> dict[int, str]:
        form = {"id": ",".join(map(str, ids)), "retmode": "xml"}
        asked = set(ids)
        found = self._post("efetch", form, self._articles)
        return {pmid: text for pmid, text in found.items() if pmid in asked}

    def _articles(self, body: bytes) -> dict[int, str]:
        if _EMPTY_SET.search(body[-4096:]):
            return {}  # every id is unknown
        path = self._scratch / "reply.xml"
        path.write_bytes(body)
        try:
            read = ((_pmid(element), as_written(element, _DIALECT)) for element in elements(path, _DIALECT, Limits()))
            return {pmid: text for pmid, text in read if pmid}
        except RefusedFileError:
            pass  # its cause quotes the reply
        raise FaultError("unparsable", "the service sent records that cannot be read", tries=_AGAIN)

    # ---------------------------------------------------------------- asking

    def _post(self, tool: str, form: Mapping[str, str], read: Callable[[bytes], T]) -> T:
        def consume(response: httpx.Response) -> T:
            body = body_of(response, _LONGEST_REPLY)
            if self._identity.key:
                body = self._keyless.sub(_HIDDEN, body)
            _check(response.status_code, body)
            return read(_NO_RECORDS if _KNOWS_NO_ID.search(body[:4096]) else body)

        whole = {"db": "pubmed", **form, **self._identity.as_form()}
        return self._web.ask("POST", f"{self._base}/{tool}.fcgi", consume, form=whole)


def _check(status: int, body: bytes) -> None:
    """Raise what a reply says went wrong, under whatever status: an ERROR of any shape, or nothing at all."""
    head = body[:4096].decode("utf-8", "replace")
    envelope = _ENVELOPE.search(head)
    if _KNOWS_NO_ID.search(body[:4096]):
        return
    if re.search(r"api key", head, re.IGNORECASE) and (status == 400 or '"error"' in head):
        raise BadInputError(
            "the service refuses the API key", where="NCBI_API_KEY", expected="a valid key, or none at all"
        )
    if status == 400 and _PROXY.search(head):
        raise FaultError("outage", "the service is out of order (HTTP 400 from its proxy)", tries=_AGAIN)
    if status == 400 and envelope and _FORGOTTEN.search(envelope[1]):
        raise _judge(envelope[1])
    if status >= 400:
        raise FaultError("refused", f"the service refuses the request (HTTP {status})")
    if not body.strip():
        raise FaultError("truncated", "the service sent an empty reply", tries=_AGAIN)
    if envelope:
        raise _judge(envelope[1])
    if head.lstrip().startswith("{") and '"esearchresult"' not in head:
        raise _judge(head)


def _judge(error: str) -> FaultError:
    """What an ERROR in a 200 means."""
    told = _short(error)[:200]
    if _FORGOTTEN.search(told):
        return FaultError("history", "the service has forgotten the search")
    if "rate limit" in told:
        return FaultError("throttled", "the service limits our rate", tries=_AGAIN)
    if _CAPPED.search(told):
        return FaultError("capped", "the service gives no more of this search")
    return FaultError("backend", f"the service says: {told}", tries=1 if "Invalid db name" in told else _SOMETIMES)


# ---------------------------------------------------------------- replies


def _search_page(body: bytes) -> _Page:
    """Read a reply of esearch, in JSON as asked or in XML, which errors may come in."""
    start = body.lstrip()[:1]
    if start == b"{":
        return _json_page(body)
    if start == b"<" and b"<eSearchResult" in body[:4096]:
        return _xml_page(body)
    raise FaultError("unparsable", "the service sent something else than a search result", tries=_AGAIN)


def _json_page(body: bytes) -> _Page:
    try:
        # Not strict: an ERROR holds a raw newline (sources §2.3).
        whole = json.loads(body.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        whole = None  # the exception keeps the whole reply
    result = whole.get("esearchresult") if isinstance(whole, dict) else None
    if not isinstance(result, dict):
        raise FaultError("unparsable", "the service sent a search result that cannot be read", tries=_AGAIN)
    if "ERROR" in result:
        raise _judge(str(result["ERROR"]))
    lists = {
        str(name): entries if isinstance(entries, list) else [entries]
        for group in ("errorlist", "warninglist")
        if isinstance(result.get(group), dict)
        for name, entries in result[group].items()
    }
    history = (str(result.get("webenv", "")), str(result.get("querykey", "")))
    ids = result.get("idlist", [])
    return _page(result.get("count"), ids if isinstance(ids, list) else [], history,
                 str(result.get("querytranslation", "")), lists)  # fmt: skip


def _xml_page(body: bytes) -> _Page:
    from lxml import etree

    parser = etree.XMLParser(load_dtd=False, no_network=True, resolve_entities=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.LxmlError:
        root = None
    if root is None:
        raise FaultError("unparsable", "the service sent a search result that cannot be read", tries=_AGAIN)
    lists: dict[str, list[Any]] = {}
    for each in (*root.iterfind("ErrorList/*"), *root.iterfind("WarningList/*")):
        lists.setdefault(each.tag, []).append(each.text or "")
    history = (root.findtext("WebEnv", ""), root.findtext("QueryKey", ""))
    ids = [each.text for each in root.iterfind("IdList/Id")]
    return _page(root.findtext("Count"), ids, history, root.findtext("QueryTranslation", ""), lists)


def _page(
    count: object, ids: Iterable[object], history: tuple[str, str], translation: str, lists: Mapping[str, list[Any]]
) -> _Page:
    if not re.fullmatch(r"[0-9]{1,12}", str(count), re.ASCII) or not all(_ID.fullmatch(str(each)) for each in ids):
        raise FaultError("unparsable", "the service sent a search result that cannot be read", tries=_AGAIN)
    known = {name.lower(): [plain for each in found if (plain := _short(each))] for name, found in lists.items()}
    dropped = [
        f"{_DROPPED[name]}: {each}" for name, found in sorted(known.items()) if name in _DROPPED for each in found
    ]
    messages = [each for name, found in sorted(known.items()) if name not in _DROPPED for each in found]
    return _Page(
        int(str(count)), tuple(int(str(each)) for each in ids), history if all(history) else None,
        " ".join(translation.split()), tuple(dropped), tuple(messages),
    )  # fmt: skip


def _id_lines(body: bytes) -> list[int]:
    """The ids of a uilist, one a line."""
    lines = body.decode("utf-8", "replace").split()
    if not all(_ID.fullmatch(each) for each in lines):
        raise FaultError("unparsable", "the service sent something else than ids", tries=_AGAIN)
    return [int(each) for each in lines]


def _pmid(element: Element) -> int:
    text = element.findtext("MedlineCitation/PMID") or element.findtext("BookDocument/PMID") or ""
    return int(text.strip()) if _ID.fullmatch(text.strip()) else 0


def _dates(since: date | None) -> dict[str, str]:
    if since is None:
        return {}
    return {"datetype": "edat", "mindate": since.strftime("%Y/%m/%d"), "maxdate": "3000"}


def _short(text: object) -> str:
    return " ".join(str(text).split())[:500]
