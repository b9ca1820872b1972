"""The laws that every provider keeps, as a suite to subclass.

    class TestMyProvider(ProviderConformance):
        model = "my-base-model"

        def open_provider(self, folder):
            return MyProvider(base_url=stand_in.url, api_key="test-key")

        def job_words(self, provider, kind):
            return {"metadata": {"kind": kind}}   # whatever makes the stand-in act so

Run it with pytest; `--finetune-conformance-report=report.md` writes what came of each law. A law
that speaks of a verb that the provider lacks is not asked. A law that your provider cannot keep is
marked with a reasoned `xfail`; overriding or skipping one without is an error.

law         what a law is
bench       what a subclass says, and what it may say
guard       each law is asked as it is written
card        who is asked
report      what came of a run, in Markdown; loaded by the plugin alone
identity    names, ids, keys
lifecycle   how jobs go and end
reading     what jobs tell, page by page
stopping    cancelling and pausing
refusing    what is refused before anything is made
planning    what is said before a job is made
keeping     what jobs leave behind
serving     deployments
losing      lost answers, faults, errors
sharing     profiles, threads, secrets, the asynchronous client
"""

from __future__ import annotations

from typing import Any

from finetune_sdk.errors import MissingDependencyError

try:
    import pytest
except ImportError:
    raise MissingDependencyError("pytest", None) from None

# Their `assert`s shall tell what they saw, wherever they are installed.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{theme}"
        for theme in (
            *("identity", "lifecycle", "reading", "stopping", "refusing"),
            *("planning", "keeping", "serving", "losing", "sharing"),
        )
    )
)

from finetune_sdk.testing.conformance import guard  # noqa: E402
from finetune_sdk.testing.conformance.bench import ROWS, JobKind  # noqa: E402
from finetune_sdk.testing.conformance.identity import IdentityLaws  # noqa: E402
from finetune_sdk.testing.conformance.keeping import KeepingLaws  # noqa: E402
from finetune_sdk.testing.conformance.lifecycle import LifecycleLaws  # noqa: E402
from finetune_sdk.testing.conformance.losing import LosingLaws  # noqa: E402
from finetune_sdk.testing.conformance.planning import PlanningLaws  # noqa: E402
from finetune_sdk.testing.conformance.reading import ReadingLaws  # noqa: E402
from finetune_sdk.testing.conformance.refusing import RefusingLaws  # noqa: E402
from finetune_sdk.testing.conformance.serving import ServingLaws  # noqa: E402
from finetune_sdk.testing.conformance.sharing import SharingLaws  # noqa: E402
from finetune_sdk.testing.conformance.stopping import StoppingLaws  # noqa: E402

__all__ = ["ROWS", "JobKind", "ProviderConformance"]


class ProviderConformance(
    IdentityLaws,
    LifecycleLaws,
    ReadingLaws,
    StoppingLaws,
    RefusingLaws,
    PlanningLaws,
    KeepingLaws,
    ServingLaws,
    LosingLaws,
    SharingLaws,
):
    """Subclass it, say how to open your provider against its stand-in, and run pytest.

    Attributes:
        model: a base model that the stand-in knows.
        secrets: what was given to the provider and must show up nowhere.
        wait_timeout: seconds that a short or failing job of the stand-in may take.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        guard.check(cls)


guard.seal(ProviderConformance)
