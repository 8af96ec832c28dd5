"""Compare requests that reach the parameter store with plain boto3 on the same moto server.

Our requests go through the whole console. Our saves write to All branches, which has no mirror, so
each writes one path, as the plain call does. Times are wall clock.
"""

from datetime import timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import boto3
from django.conf import settings
from django.utils import timezone

from console.models import App, User
from secrets_app.models import Revalidation, Secret
from secrets_app.sync import worker
from tests.soak.bench.measure import Subject, on_the_wall
from tests.soak.bench.sample_apps import create_app
from tests.soak.bench.wsgi import Browser, application

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

VALUE = "sk_live_51H8x" * 3
BATCH = 10  # rows that our pages send per request
_numbers = count()


def compare(user: User) -> None:
    """Print the tables."""
    ssm = boto3.client("ssm", region_name=settings.AWS_REGION)
    ours = Browser(user, application(settings.MIDDLEWARE))
    saves(user, ours, ssm)
    reconciles(user, ours, ssm)


def saves(user: User, ours: Browser, ssm: "SSMClient") -> None:
    """Measure saves of one and a hundred new secrets, and a reveal."""
    app = create_app(user, "dsave", 0)
    url = f"/apps/{app.app_id}/hosting/secrets/"
    save(ours, url, 1)
    secret = app.secrets.get()
    path = f"/amplify/shared/{app.app_id}/{secret.key}"
    on_the_wall(
        "Saves and reveals, on moto",
        [
            Subject("1 put_parameter, plain boto3", partial(put, ssm, 1)),
            Subject("our save of 1", partial(save, ours, url, 1)),
            Subject("100 put_parameter, plain boto3", partial(put, ssm, 100), against=2),
            Subject("our save of 100", partial(save, ours, url, 100), against=2),
            Subject(
                "1 get_parameter, plain boto3",
                lambda: read(ssm, path),
                against=4,
            ),
            Subject(
                "our reveal of 1",
                partial(ours.post, f"{url}{secret.pk}/reveal/", {}),
                against=4,
            ),
        ],
    )


def reconciles(user: User, ours: Browser, ssm: "SSMClient") -> None:
    """Measure reconciling a thousand secrets with the store."""
    app = create_app(user, "dcheck", 0)
    for number in range(1000):
        path = f"/amplify/shared/{app.app_id}/OUTSIDE_{number:04}"
        ssm.put_parameter(Name=path, Value=VALUE, Type="SecureString")
    url = f"/apps/{app.app_id}/hosting/secrets/revalidate/?per_page=100"
    on_the_wall(
        "Reconciling 1,000 secrets, on moto",
        [
            Subject("describe_parameters, plain boto3", partial(describe, ssm, app.app_id)),
            Subject(
                "our first reconcile: all are new", lambda: reconcile(ours, app, url, new=True)
            ),
            Subject("our reconcile without changes", lambda: reconcile(ours, app, url)),
        ],
    )


def put(ssm: "SSMClient", number: int) -> None:
    """Write `number` new parameters, as Amplify's own clients do."""
    for _ in range(number):
        ssm.put_parameter(
            Name=f"/raw/KEY_{next(_numbers)}",
            Value=VALUE,
            Type="SecureString",
            Description="Amplify Secret",
        )


def read(ssm: "SSMClient", path: str) -> None:
    """Read one value."""
    ssm.get_parameters(Names=[path], WithDecryption=True)


def describe(ssm: "SSMClient", app_id: str) -> None:
    """List all parameters of an app, with the request that we use to reconcile."""
    prefixes = [f"/amplify/{app_id}", f"/amplify/shared/{app_id}"]
    filters = [{"Key": "Path", "Option": "Recursive", "Values": prefixes}]
    pages = ssm.get_paginator("describe_parameters").paginate(
        ParameterFilters=filters,  # type: ignore[arg-type]  # the literals are valid
        PaginationConfig={"PageSize": 50},
    )
    assert sum(len(page["Parameters"]) for page in pages) == 1000


def save(ours: Browser, url: str, number: int) -> bytes:
    """Save `number` new secrets, in batches as our edit mode does."""
    answer = b"".join(
        ours.post(f"{url}manage/", new_rows(min(BATCH, number - start)))
        for start in range(0, number, BATCH)
    )
    assert answer.count(b'data-outcome="saved"') == number
    return answer


def new_rows(number: int) -> dict[str, str]:
    """Return the form's fields for `number` rows."""
    fields = {}
    for row in range(1, number + 1):
        fields |= {
            f"new-{row}-key": f"KEY_{next(_numbers)}",
            f"new-{row}-branch": "",
            f"new-{row}-value": VALUE,
            f"new-{row}-base": "",
        }
    return fields


def reconcile(ours: Browser, app: App, url: str, *, new: bool = False) -> bytes:
    """Reconcile, as if the last time was long ago, or (`new`) never.

    The request leaves the listing to the background, which is measured too.
    """
    if new:
        Secret.objects.filter(app=app).delete()
        Revalidation.objects.filter(app=app).delete()
    long_ago = timezone.now() - timedelta(hours=1)
    Revalidation.objects.filter(app=app).update(started_at=long_ago)
    Revalidation.objects.filter(app=app, agreed_at__isnull=False).update(agreed_at=long_ago)
    answer = ours.post(url, {"mode": "list"})
    worker.run_once()
    assert app.secrets.count() == 1000
    return answer
