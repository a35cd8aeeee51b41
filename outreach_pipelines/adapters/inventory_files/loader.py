"""Reads all files of one tenant and gathers every fault; a tenant is sound whole or not at all."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from outreach_pipelines.adapters.inventory_files.campaign_yaml import BrokenTemplate, CampaignFile
from outreach_pipelines.adapters.inventory_files.reading import (
    Place,
    cells_by_column,
    header_faults,
    invalid,
    invalid_row,
)
from outreach_pipelines.adapters.inventory_files.table_rows import DomainRow, MailboxRow, SuppressionRow
from outreach_pipelines.adapters.inventory_files.tenant_yaml import TenantFile
from outreach_pipelines.adapters.inventory_files.values import FileModel
from outreach_pipelines.adapters.inventory_files.yaml_lines import LinedYaml, UnreadableYaml, read_yaml
from outreach_pipelines.adapters.inventory_files.yaml_lines import Path as YamlPath
from outreach_pipelines.application.import_inventory import (
    FaultyInventory,
    InventoryFault,
    SoundInventory,
)
from outreach_pipelines.application.stored_objects import (
    ObjectKey,
    ObjectMissing,
    ObjectStore,
    UnsafeObjectKey,
    object_key,
)
from outreach_pipelines.domain.campaign import Campaign, TemplateName
from outreach_pipelines.domain.delimited import Row, Table, UnreadableFile
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.inventory_check import Misfit, Severity, misfits
from outreach_pipelines.domain.inventory_item import ItemKey, ItemKind
from outreach_pipelines.domain.tenant import TenantSlug

ROOT: Final = "inventory/"
TableReader = Callable[[BinaryIO], Table]
M = TypeVar("M", bound=FileModel)


class YamlPlace(NamedTuple):
    """Where in a YAML file a part stands."""

    lined: LinedYaml
    path: YamlPath = ()

    def line(self, field_name: str) -> int:
        """The line of a field of the part, or of the part."""
        inner = tuple(int(part) if part.isdigit() else part for part in field_name.split("."))
        return self.lined.line((*self.path, *inner))


@dataclass(frozen=True, slots=True)
class InventoryFiles:
    """The inventories below `inventory/` of `store`; `read_table` turns the octets of a delimited file into rows."""

    store: ObjectStore
    read_table: TableReader

    def tenants(self) -> Sequence[TenantSlug]:
        keys = (info.key.removeprefix(ROOT) for info in self.store.list(ROOT))
        return [TenantSlug(slug) for slug in sorted({key.partition("/")[0] for key in keys if "/" in key})]

    def load(self, tenant: TenantSlug) -> SoundInventory | FaultyInventory:
        return _TenantLoad(self.store, self.read_table, tenant).load()


@dataclass(slots=True)
class _TenantLoad:
    store: ObjectStore
    read_table: TableReader
    slug: TenantSlug
    faults: list[InventoryFault] = field(default_factory=list)
    places: dict[ItemKey, Place] = field(default_factory=dict)
    yaml_places: dict[ItemKey, YamlPlace] = field(default_factory=dict)

    def load(self) -> SoundInventory | FaultyInventory:
        head = self._tenant_file()
        domains = [(line, row.to_domain()) for line, row in self._table("domains.csv", DomainRow)]
        mailboxes = [(line, row.to_domain()) for line, row in self._table("mailboxes.csv", MailboxRow)]
        listed = [row.to_domain() for _, row in self._table("suppressions.csv", SuppressionRow, optional=True)]
        campaigns = list(self._campaigns())
        for line, domain in domains:
            self._remember(ItemKind.DOMAIN, domain.name, "domains.csv", line)
        for line, mailbox in mailboxes:
            self._remember(ItemKind.MAILBOX, mailbox.address.canonical, "mailboxes.csv", line)
        if head is None or self.faults:
            return FaultyInventory(self.slug, tuple(self.faults))
        inventory = TenantInventory(
            tenant=head.to_domain(),
            policy=head.policy.to_domain(),
            shape=head.shape.to_domain(),
            accounts=tuple(account.to_domain() for account in head.accounts),
            domains=tuple(domain for _, domain in domains),
            mailboxes=tuple(mailbox for _, mailbox in mailboxes),
            inboxes=tuple(inbox.to_domain() for inbox in head.inboxes),
            campaigns=tuple(campaigns),
            suppressions=tuple(listed),
            audit=head.dns.to_domain(),
        )
        return self._judged(inventory)

    def _judged(self, inventory: TenantInventory) -> SoundInventory | FaultyInventory:
        found = tuple(map(self._located, misfits(inventory)))
        if any(fault.severity is Severity.ERROR for fault in found):
            return FaultyInventory(self.slug, found)
        return SoundInventory(inventory, self.places, found)

    def _located(self, misfit: Misfit) -> InventoryFault:
        file, line = self.places[misfit.item]
        if place := self.yaml_places.get(misfit.item):
            line = place.line(misfit.field)
        return InventoryFault(file, line, misfit.field, misfit.sentence, misfit.severity)

    def _key(self, name: str) -> ObjectKey:
        return object_key(f"{ROOT}{self.slug}/{name}")

    def _remember(self, kind: ItemKind, name: str, file: str, line: int) -> None:
        self.places.setdefault(ItemKey(kind, name), (self._key(file), line))

    def _fault(self, file: str, line: int | None, where: str, sentence: str) -> None:
        self.faults.append(InventoryFault(self._key(file), line, where, sentence))

    def _octets(self, file: str, *, optional: bool = False) -> bytes | None:
        try:
            return self.store.get(self._key(file))
        except ObjectMissing:
            if not optional:
                self._fault(file, None, "", "The file is missing.")
            return None

    def _yaml(self, file: str, model: type[M]) -> tuple[M, LinedYaml] | None:
        octets = self._octets(file)
        if octets is None:
            return None
        try:
            lined = read_yaml(octets)
            return model.model_validate(lined.value), lined
        except UnreadableYaml as fault:
            self._fault(file, fault.line, "", fault.sentence)
        except ValidationError as fault:
            self.faults.extend(invalid(self._key(file), lined, fault))
        return None

    def _tenant_file(self) -> TenantFile | None:
        read = self._yaml("tenant.yaml", TenantFile)
        if read is None:
            return None
        head, lined = read
        if head.slug != self.slug:
            self._fault("tenant.yaml", lined.line(("slug",)), "slug", f"The folder is named {self.slug}.")
        self._remember(ItemKind.TENANT, self.slug, "tenant.yaml", 1)
        parts: list[tuple[ItemKind, str, YamlPath]] = [
            (ItemKind.AUDIT, self.slug, ("dns",)),
            *((ItemKind.ACCOUNT, account.name, ("accounts", n)) for n, account in enumerate(head.accounts)),
            *((ItemKind.INBOX, inbox.name, ("inboxes", n)) for n, inbox in enumerate(head.inboxes)),
        ]
        for kind, name, path in parts:
            self._remember(kind, name, "tenant.yaml", lined.line(path))
            self.yaml_places.setdefault(ItemKey(kind, name), YamlPlace(lined, path))
        return head

    def _table(self, file: str, model: type[M], *, optional: bool = False) -> Iterator[tuple[int, M]]:
        octets = self._octets(file, optional=optional)
        if octets is None:
            return
        try:
            table = self.read_table(BytesIO(octets))
            yield from self._rows(file, model, table)
        except UnreadableFile as fault:
            self._fault(file, fault.line, "", fault.sentence)

    def _rows(self, file: str, model: type[M], table: Table) -> Iterator[tuple[int, M]]:
        wrong = header_faults(self._key(file), table.header, model)
        self.faults.extend(wrong)
        for row in () if wrong else table.rows:
            if not isinstance(row, Row):
                self._fault(file, row.line, "", row.sentence)
                continue
            try:
                yield row.line, model.model_validate(cells_by_column(table.header, row))
            except ValidationError as fault:
                self.faults.extend(invalid_row(self._key(file), row.line, fault))

    def _campaigns(self) -> Iterator[Campaign]:
        folder = self._key("campaigns") + "/"
        for info in self.store.list(folder):
            if info.key.endswith((".yaml", ".yml")):
                yield from self._campaign(f"campaigns/{info.key.removeprefix(folder)}")

    def _campaign(self, file: str) -> Iterator[Campaign]:
        read = self._yaml(file, CampaignFile)
        if read is None:
            return
        written, lined = read
        self._remember(ItemKind.CAMPAIGN, written.name, file, lined.line(("name",)))
        self.yaml_places.setdefault(ItemKey(ItemKind.CAMPAIGN, written.name), YamlPlace(lined))
        with suppress(BrokenTemplate):
            yield self._with_texts(written, file, lined)

    def _with_texts(self, written: CampaignFile, file: str, lined: LinedYaml) -> Campaign:
        try:
            return written.to_domain(self._template_body, self._file_octets)
        except BrokenTemplate as fault:
            self._fault(file, lined.line(fault.place), ".".join(map(str, fault.place)), fault.sentence)
            raise

    def _template_body(self, name: TemplateName) -> str:
        return self._file_octets(name).decode()

    def _file_octets(self, name: str) -> bytes:
        try:
            return self.store.get(object_key(f"templates/{self.slug}/{name}"))
        except UnsafeObjectKey:
            raise ObjectMissing(name) from None
