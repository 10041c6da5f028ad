"""How lists are cut into pages: by cursor, so that rows arriving meanwhile shift nothing."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Newest rows first; `page_size` may be asked for up to 500."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 500
