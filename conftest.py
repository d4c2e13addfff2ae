"""What pytest needs before it collects: the package, so that no module of it is imported twice."""

from __future__ import annotations

import qsiparc.accessor  # noqa: F401 - its accessors are registered once, whichever file is tested
