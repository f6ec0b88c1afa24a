"""Model of `spec.apache`."""

from typing import Annotated

from pydantic import Field

from hacluster.api.base import Model, Rule
from hacluster.api.types import ConfigMapName


class ConfigMapReference(Model):
    """A ConfigMap in the resource's namespace."""

    name: ConfigMapName
    """Name of the ConfigMap. Its keys are the names of the files."""


class Apache(Model):
    """Apache on every node."""

    rules = (
        Rule(
            cel="!has(self.contentConfigMap) || !has(self.page)",
            message="page and contentConfigMap exclude each other",
            holds=lambda a: a.content_config_map is None or a.page is None,
            field="contentConfigMap",
        ),
    )

    port: Annotated[int, Field(ge=1024, le=65535)] = 8081
    """Port, 1024 or higher: Apache runs without privileges."""
    page: Annotated[str, Field(max_length=16384)] | None = None
    """HTML of the start page; {node}, {ordinal} and {cluster} are replaced. Default: a page that names the node."""
    content_config_map: ConfigMapReference | None = None
    """A ConfigMap whose files are served as they are, instead of page."""
