"""A project's code is compared with what each branch of an app holds."""

from pathlib import Path

import pytest

from console.access.policy import find_app
from console.lib.scanning.project import Place, scan
from console.models import Branch
from console.workflows.checking import Report, State, check
from envvars_app.buildspec.uses import uses_in_build
from tests.console.lib.scanning.project_folder import write_files
from tests.factories import remove_secret, set_secret, set_variable
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
NAMED = "import { secret } from '@aws-amplify/backend';\n"


def checked(world: World, folder: Path, files: dict[str, str], *branches: Branch | None) -> Report:
    """Check files against branches, main and dev unless others are given."""
    write_files(folder, files)
    access = find_app(world.actor("vera"), world.app.app_id)
    project = scan(folder, uses_in_build)
    return check(access, project, branches or (world.main, world.dev))


def states(report: Report, branch: Branch | None) -> dict[str, str]:
    """Return the state of each key on a branch."""
    return {line.key: line.state for line in report.lines if line.branch == branch}
