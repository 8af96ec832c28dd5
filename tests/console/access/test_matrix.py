"""Every URL is requested by every role and with every method (guarantee 14).

A URL without a row fails. The table is the specification: outsiders learn nothing (404), members
without the permission are told so (403), anonymous requests are redirected to the sign-in page
(302), and a wrong method is 405 for every signed-in user, whether the app exists or not.
"""

import re
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from django.contrib.auth.models import Group

from console.models import App
from secrets_app.models import Secret
from secrets_app.sync.unknown_removal import token
from tests.console.access.routes import METHODS, gen1_import, routes, unknown_parameter, url_of
from tests.console.conftest import rolled_back
from tests.fixtures.people import World

pytestmark = pytest.mark.usefixtures("no_logging")

# The columns: "" is anonymous; tests/fixtures/people.py says who the others are.
COLUMNS = (
    *(("", "ivan"), ("charlie", "oscar"), ("vera",), ("bob", "gina"), ("mia",)),
    *(("alice",), ("olga",)),
)

# A line is a pattern, methods ("else" stands for those in no other line of the pattern; HEAD goes
# with GET) and statuses: one per column, or two (anonymous, signed in), or one for all.
TABLE = """
                                                    nobody  stranger  vera bob mia alice  olga

/                                   GET                302  200
/                                   else               302  405
/apps/new/                          GET POST           302  403       403  403 403 403    200/302
/apps/new/                          else               302  405
/apps/import/                       GET POST           302  403       403  403 403 403    200
/apps/import/                       else               302  405
/apps/<str:app_id>/                 GET                302  404       200  200 200 200    404
/apps/<str:app_id>/                 else               302  405
/apps/<str:app_id>/compare/         GET                302  404       200  200 200 200    404
/apps/<str:app_id>/compare/         POST               302  404       403  200 200 200    404
/apps/<str:app_id>/compare/         else               302  405
/apps/<str:app_id>/compare/<int:pk>/  GET              302  404       200  200 200 200    404
/apps/<str:app_id>/compare/<int:pk>/  POST             302  404       403  302 302 302    404
/apps/<str:app_id>/compare/<int:pk>/  else             302  405
/apps/<str:app_id>/compare/check/   POST               302  404       302  302 302 302    404
/apps/<str:app_id>/compare/check/   else               302  405
/apps/<str:app_id>/compare/copy/    GET                302  404       403  200 200 200    404
/apps/<str:app_id>/compare/copy/    POST               302  404       403  422 302 302    404
/apps/<str:app_id>/compare/copy/    else               302  405
/apps/<str:app_id>/compare/remove/  POST               302  404       403  302 302 302    404
/apps/<str:app_id>/compare/remove/  else               302  405
/apps/<str:app_id>/compare/code/    GET                302  404       200  200 200 200    404
/apps/<str:app_id>/compare/code/    POST               302  404       422  422 422 422    404
/apps/<str:app_id>/compare/code/    else               302  405
/apps/<str:app_id>/compare/export/  GET                302  404       200  200 200 200    404
/apps/<str:app_id>/compare/export/  else               302  405
/apps/<str:app_id>/check/           POST               302  404       302  302 302 302    404
/apps/<str:app_id>/check/           else               302  405
/apps/<str:app_id>/first-steps/hide/  POST             302  404       403  403 403 302    404
/apps/<str:app_id>/first-steps/hide/  else             302  405
/apps/<str:app_id>/warnings/        GET                302  404       200  200 200 200    404
/apps/<str:app_id>/warnings/        POST               302  404       403  302 302 302    404
/apps/<str:app_id>/warnings/        else               302  405
/apps/<str:app_id>/activity/        GET                302  404       200  200 200 200    404
/apps/<str:app_id>/activity/        else               302  405
/apps/<str:app_id>/activity/export/  POST             302  404       400  400 400 400    404
/apps/<str:app_id>/activity/export/  else             302  405
/search/                            GET                302  200
/search/                            else               302  405
/apps/<str:app_id>/changes/<uuid:change_set>/  GET    302  404       200  200 200 200    404
/apps/<str:app_id>/changes/<uuid:change_set>/  POST   302  404       403  302 302 302    404
/apps/<str:app_id>/changes/<uuid:change_set>/  else   302  405
/activity/                          GET                302  403       403  403 403 403    200
/activity/                          else               302  405
/activity/export/                   POST               302  403       403  403 403 403    400
/activity/export/                   else               302  405

<DEPLOYMENTS>/                                         GET   302  404  200 200 200 200  404
<DEPLOYMENTS>/                                         else  302  405
<DEPLOYMENTS>/refresh/                                 POST  302  404  302 302 302 302  404
<DEPLOYMENTS>/refresh/                                 else  302  405
<DEPLOYMENTS>/<int:pk>/start/                          POST  302  404  403 422 422 422  404
<DEPLOYMENTS>/<int:pk>/start/                          else  302  405
<DEPLOYMENTS>/<int:pk>/stop/                           POST  302  404  403 422 422 422  404
<DEPLOYMENTS>/<int:pk>/stop/                           else  302  405

<BIN>/                GET   302  404  200 200 200 200  404
<BIN>/                else  302  405
<BIN>/<str:noun>/<int:pk>/restore/  POST  302  404  403 302 302 302  404
<BIN>/<str:noun>/<int:pk>/restore/  else  302  405
<BIN>/<str:noun>/<int:pk>/delete/   POST  302  404  403 302 302 302  404
<BIN>/<str:noun>/<int:pk>/delete/   else  302  405

/apps/<str:app_id>/settings/general/                   GET   302  404  403 403 403 200  404
/apps/<str:app_id>/settings/general/                   POST  302  404  403 403 403 302  404
/apps/<str:app_id>/settings/general/                   else  302  405
/apps/<str:app_id>/settings/amplify/                   GET   302  404  403 403 403 403  404
/apps/<str:app_id>/settings/amplify/                   POST  302  404  403 403 403 403  404
/apps/<str:app_id>/settings/amplify/                   else  302  405
/apps/<str:app_id>/hosting/self-managed/                GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/self-managed/                POST  302  404  403 422 422 422  404
/apps/<str:app_id>/hosting/self-managed/                else  302  405
/apps/<str:app_id>/hosting/self-managed/reveal/         POST  302  404  403 422 422 422  404
/apps/<str:app_id>/hosting/self-managed/reveal/         else  302  405
/apps/<str:app_id>/hosting/self-managed/remove/         POST  302  404  403 422 422 422  404
/apps/<str:app_id>/hosting/self-managed/remove/         else  302  405
/apps/<str:app_id>/hosting/self-managed/restore/        POST  302  404  403 422 422 422  404
/apps/<str:app_id>/hosting/self-managed/restore/        else  302  405
/apps/<str:app_id>/settings/hosting-project/           GET   302  404  403 403 403 403  404
/apps/<str:app_id>/settings/hosting-project/           POST  302  404  403 403 403 403  404
/apps/<str:app_id>/settings/hosting-project/           else  302  405
/apps/<str:app_id>/settings/hosting-project/release/   POST  302  404  403 403 403 403  404
/apps/<str:app_id>/settings/hosting-project/release/   else  302  405
/apps/<str:app_id>/settings/amplify/disconnect/        POST  302  404  403 403 403 403  404
/apps/<str:app_id>/settings/amplify/disconnect/        else  302  405
/apps/<str:app_id>/amplify/refresh/                    POST  302  404  302 302 302 302  404
/apps/<str:app_id>/amplify/refresh/                    else  302  405
/apps/<str:app_id>/settings/branches/                  GET   302  404  403 403 403 200  404
/apps/<str:app_id>/settings/branches/                  else  302  405
/apps/<str:app_id>/settings/branches/add/              GET   302  404  403 403 403 200  404
/apps/<str:app_id>/settings/branches/add/              POST  302  404  403 403 403 302  404
/apps/<str:app_id>/settings/branches/add/              else  302  405
/apps/<str:app_id>/settings/branches/<int:pk>/         GET   302  404  403 403 403 200  404
/apps/<str:app_id>/settings/branches/<int:pk>/         POST  302  404  403 403 403 302  404
/apps/<str:app_id>/settings/branches/<int:pk>/         else  302  405
/apps/<str:app_id>/settings/branches/<int:pk>/delete/  GET   302  404  403 403 403 200  404
/apps/<str:app_id>/settings/branches/<int:pk>/delete/  POST  302  404  403 403 403 302  404
/apps/<str:app_id>/settings/branches/<int:pk>/delete/  else  302  405

/apps/<str:app_id>/settings/previews/                  GET   302  404  403 403 403 200  404
/apps/<str:app_id>/settings/previews/                  POST  302  404  403 403 403 302  404
/apps/<str:app_id>/settings/previews/                  else  302  405

/apps/<str:app_id>/settings/notifications/             GET   302  404  200 200 200 200  404
/apps/<str:app_id>/settings/notifications/             POST  302  404  422 422 422 422  404
/apps/<str:app_id>/settings/notifications/             else  302  405

<MEMBERS>/                                             GET   302  404  403 403 403 200  404
<MEMBERS>/                                             else  302  405
<MEMBERS>/invite/                                      GET   302  404  403 403 403 200  404
<MEMBERS>/invite/                                      POST  302  404  403 403 403 200  404
<MEMBERS>/invite/                                      else  302  405
<MEMBERS>/group/                                       GET   302  404  403 403 403 200  404
<MEMBERS>/group/                                       POST  302  404  403 403 403 302  404
<MEMBERS>/group/                                       else  302  405
<MEMBERS>/decision/                                    GET   302  404  403 403 403 200  404
<MEMBERS>/decision/                                    else  302  405
<MEMBERS>/left/                                        GET   302  404  403 403 403 200  404
<MEMBERS>/left/                                        else  302  405
<MEMBERS>/<int:pk>/                                    GET   302  404  403 403 403 200  404
<MEMBERS>/<int:pk>/                                    POST  302  404  403 403 403 302  404
<MEMBERS>/<int:pk>/                                    else  302  405
<MEMBERS>/<int:pk>/remove/                             GET   302  404  403 403 403 200  404
<MEMBERS>/<int:pk>/remove/                             POST  302  404  403 403 403 302  404
<MEMBERS>/<int:pk>/remove/                             else  302  405
<MEMBERS>/people/<int:pk>/known/                       GET   302  404  403 403 403 200  404
<MEMBERS>/people/<int:pk>/known/                       POST  302  404  403 403 403 302  404
<MEMBERS>/people/<int:pk>/known/                       else  302  405
<MEMBERS>/people/<int:pk>/confirm/                     POST  302  404  403 403 403 302  404
<MEMBERS>/people/<int:pk>/confirm/                     else  302  405
<MEMBERS>/invitations/<int:pk>/withdraw/               POST  302  404  403 403 403 302  404
<MEMBERS>/invitations/<int:pk>/withdraw/               else  302  405

/apps/<str:app_id>/hosting/secrets/                    GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/                    else  302  405
/apps/<str:app_id>/hosting/secrets/manage/             GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/manage/             POST  302  404  422 302 302 302  404
/apps/<str:app_id>/hosting/secrets/manage/             else  302  405
/apps/<str:app_id>/hosting/secrets/import/             GET   302  404  403 200 200 200  404
/apps/<str:app_id>/hosting/secrets/import/             POST  302  404  403 200 200 200  404
/apps/<str:app_id>/hosting/secrets/import/             else  302  405
/apps/<str:app_id>/hosting/secrets/revalidate/         POST  302  404  302 302 302 302  404
/apps/<str:app_id>/hosting/secrets/revalidate/         else  302  405
/apps/<str:app_id>/hosting/secrets/server-rendering/   GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/server-rendering/   else  302  405
/apps/<str:app_id>/hosting/secrets/mirrors/            POST  302  404  403 302 302 302  404
/apps/<str:app_id>/hosting/secrets/mirrors/            else  302  405
/apps/<str:app_id>/hosting/secrets/copy/               GET   302  404  403 403 403 200  404
/apps/<str:app_id>/hosting/secrets/copy/               POST  302  404  403 403 403 302  404
/apps/<str:app_id>/hosting/secrets/copy/               else  302  405
/apps/<str:app_id>/hosting/secrets/drift/              GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/drift/              else  302  405
/apps/<str:app_id>/hosting/secrets/drift/check/        POST  302  404  302 302 302 302  404
/apps/<str:app_id>/hosting/secrets/drift/check/        else  302  405
/apps/<str:app_id>/hosting/secrets/drift/<int:pk>/put-back/  POST  302  404  403 302 302 302  404
/apps/<str:app_id>/hosting/secrets/drift/<int:pk>/put-back/  else  302  405
/apps/<str:app_id>/hosting/secrets/drift/<int:pk>/take/  POST  302  404  403 302 302 302  404
/apps/<str:app_id>/hosting/secrets/drift/<int:pk>/take/  else  302  405
/apps/<str:app_id>/hosting/secrets/drift/<int:pk>/ignore/  POST  302  404  403 302 302 302  404
/apps/<str:app_id>/hosting/secrets/drift/<int:pk>/ignore/  else  302  405
/apps/<str:app_id>/hosting/secrets/gen1/               GET   302  404  403 403 200 200  404
/apps/<str:app_id>/hosting/secrets/gen1/               POST  302  404  403 403 302 302  404
/apps/<str:app_id>/hosting/secrets/gen1/               else  302  405
/apps/<str:app_id>/hosting/secrets/unknown/            GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/unknown/            else  302  405
/apps/<str:app_id>/hosting/secrets/unknown/<int:pk>/branch/  POST  302  404  403 403 403 302  404
/apps/<str:app_id>/hosting/secrets/unknown/<int:pk>/branch/  else  302  405
/apps/<str:app_id>/hosting/secrets/unknown/move/       POST  302  404  403 403 403 302  404
/apps/<str:app_id>/hosting/secrets/unknown/move/       else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/           GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/           else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/edit/      GET   302  404  403 200 200 200  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/edit/      else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/note/      GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/note/      POST  302  404  403 302 302 302  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/note/      else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/type/      GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/type/      POST  302  404  403 403 302 302  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/type/      else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/why/       GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/why/       else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/reveal/    POST  302  404  403 200 200 200  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/reveal/    else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/versions/  GET   302  404  200 200 200 200  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/versions/  else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/versions/compare/  POST  302  404  403 422 422 422  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/versions/compare/  else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/versions/restore/  POST  302  404  403 302 302 302  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/versions/restore/  else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/mirror/    POST  302  404  403 302 302 302  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/mirror/    else  302  405
/apps/<str:app_id>/hosting/secrets/<int:pk>/encrypt/   POST  302  404  403 302 302 302  404
/apps/<str:app_id>/hosting/secrets/<int:pk>/encrypt/   else  302  405

<VARIABLES>/                                           GET   302  404  200 200 200 200  404
<VARIABLES>/                                           else  302  405
<VARIABLES>/manage/                                    GET   302  404  200 200 200 200  404
<VARIABLES>/manage/                                    POST  302  404  422 302 302 302  404
<VARIABLES>/manage/                                    else  302  405
<VARIABLES>/bulk/                                      GET   302  404  200 200 200 200  404
<VARIABLES>/bulk/                                      POST  302  404  403 200 200 200  404
<VARIABLES>/bulk/                                      else  302  405
<VARIABLES>/copy/                                      GET   302  404  200 200 200 200  404
<VARIABLES>/copy/                                      POST  302  404  403 200 200 200  404
<VARIABLES>/copy/                                      else  302  405
<VARIABLES>/download/                                  GET   302  404  200 200 200 200  404
<VARIABLES>/download/                                  else  302  405
<VARIABLES>/amplify/                                   GET   302  404  200 200 200 200  404
<VARIABLES>/amplify/                                   else  302  405
<VARIABLES>/amplify/push/                              POST  302  404  302 302 302 302  404
<VARIABLES>/amplify/push/                              else  302  405
<VARIABLES>/amplify/<int:pk>/use/                      POST  302  404  403 302 302 302  404
<VARIABLES>/amplify/<int:pk>/use/                      else  302  405
<VARIABLES>/amplify/<int:pk>/keep/                     POST  302  404  403 302 302 302  404
<VARIABLES>/amplify/<int:pk>/keep/                     else  302  405
<VARIABLES>/amplify/maps/<int:pk>/                     GET   302  404  200 200 200 200  404
<VARIABLES>/amplify/maps/<int:pk>/                     else  302  405
<VARIABLES>/<int:pk>/                                  GET   302  404  200 200 200 200  404
<VARIABLES>/<int:pk>/                                  else  302  405
<VARIABLES>/<int:pk>/edit/                             GET   302  404  403 200 200 200  404
<VARIABLES>/<int:pk>/edit/                             else  302  405
<VARIABLES>/<int:pk>/why/                              GET   302  404  200 200 200 200  404
<VARIABLES>/<int:pk>/why/                              else  302  405
<VARIABLES>/<int:pk>/note/                             GET   302  404  200 200 200 200  404
<VARIABLES>/<int:pk>/note/                             POST  302  404  403 302 302 302  404
<VARIABLES>/<int:pk>/note/                             else  302  405
<VARIABLES>/<int:pk>/type/                             GET   302  404  200 200 200 200  404
<VARIABLES>/<int:pk>/type/                             POST  302  404  403 403 302 302  404
<VARIABLES>/<int:pk>/type/                             else  302  405
<VARIABLES>/<int:pk>/forget/                           POST  302  404  403 302 302 302  404
<VARIABLES>/<int:pk>/forget/                           else  302  405
<VARIABLES>/<int:pk>/restore/                          POST  302  404  403 302 302 302  404
<VARIABLES>/<int:pk>/restore/                          else  302  405
<VARIABLES>/<int:pk>/move/                             GET   302  404  403 200 200 200  404
<VARIABLES>/<int:pk>/move/                             POST  302  404  403 302 302 302  404
<VARIABLES>/<int:pk>/move/                             else  302  405

<BUILD>/                                               GET   302  404  200 200 200 200  404
<BUILD>/                                               else  302  405
<BUILD>/edit/                                          GET   302  404  403 403 200 200  404
<BUILD>/edit/                                          POST  302  404  403 403 422 422  404
<BUILD>/edit/                                          else  302  405
<BUILD>/amplify/use/                                   POST  302  404  403 403 302 302  404
<BUILD>/amplify/use/                                   else  302  405
<BUILD>/amplify/keep/                                  POST  302  404  403 403 302 302  404
<BUILD>/amplify/keep/                                  else  302  405
<BUILD>/remove/                                        GET   302  404  403 403 200 200  404
<BUILD>/remove/                                        POST  302  404  403 403 302 302  404
<BUILD>/remove/                                        else  302  405
<BUILD>/download/                                      GET   302  404  200 200 200 200  404
<BUILD>/download/                                      else  302  405
<BUILD>/pipe/                                          GET   302  404  200 200 200 200  404
<BUILD>/pipe/                                          POST  302  404  422 422 422 422  404
<BUILD>/pipe/                                          else  302  405
<BUILD>/versions/<int:pk>/                             GET   302  404  200 200 200 200  404
<BUILD>/versions/<int:pk>/                             else  302  405
<BUILD>/versions/<int:pk>/restore/                     POST  302  404  403 403 302 302  404
<BUILD>/versions/<int:pk>/restore/                     else  302  405

/healthz                            GET                200
/healthz                            else               405
/readyz                             GET                200
/readyz                             else               405
/metrics                            GET                401
/metrics                            else               405
/operation/doctor/                  GET POST           302  403       403  403 403 403    200
/operation/doctor/                  else               302  405
/operation/orphans/                GET POST           302  403       403  403 403 403    200
/operation/orphans/                else               302  405
/operation/store/                   GET POST           302  403       403  403 403 403    200
/operation/store/                   else               302  405
/people/<int:pk>/known/             GET                302  403       403  403 403 403    200
/people/<int:pk>/known/             POST               302  403       403  403 403 403    302
/people/<int:pk>/known/             else               302  405
/invitations/<str:token>/           GET                200
/invitations/<str:token>/           POST               422  403
/invitations/<str:token>/           else               405
/setup/<str:token>/                 GET POST           404
/setup/<str:token>/                 else               405

/accounts/login/                    GET POST PUT OPTIONS        200  302
/accounts/login/                    else                        405  302
/accounts/logout/                   GET                         302  200
/accounts/logout/                   POST                        302
/accounts/logout/                   OPTIONS                     200
/accounts/logout/                   else                        405
/accounts/inactive/                 GET OPTIONS                 200
/accounts/inactive/                 else                        405
/accounts/signup/                   GET POST PUT OPTIONS        200  302
/accounts/signup/                   else                        200  302
/accounts/confirm/                  GET                         302  200
/accounts/confirm/                  else                        302  405
/accounts/reauthenticate/           GET POST PUT OPTIONS        302  200
/accounts/reauthenticate/           else                        302  405
/accounts/password/change/          GET POST PUT OPTIONS        302  200
/accounts/password/change/          else                        302  405
/accounts/reauthenticate/code/      GET POST PUT OPTIONS        302
/accounts/reauthenticate/code/      else                        302
/accounts/reauthenticate/passkey/   GET POST PUT OPTIONS        302
/accounts/reauthenticate/passkey/   else                        302
/accounts/code/                     GET else                    302
/accounts/passkey/                  GET POST PUT                302
/accounts/passkey/                  OPTIONS                     200  302
/accounts/passkey/                  else                        405  302
/accounts/second-factor/            GET OPTIONS                 302  200
/accounts/second-factor/            else                        302  405
/accounts/second-factor/app/add/    GET POST PUT OPTIONS        302  200
/accounts/second-factor/app/add/    else                        302  405
/accounts/second-factor/app/remove/ GET else                    302  404
/accounts/second-factor/passkeys/   TRACE                       302  405
/accounts/second-factor/passkeys/   GET else                    302
/accounts/second-factor/passkeys/add/  GET POST PUT OPTIONS     302  200
/accounts/second-factor/passkeys/add/  else                     302  405
/accounts/second-factor/passkeys/<int:pk>/rename/  GET POST PUT  302  404
/accounts/second-factor/passkeys/<int:pk>/rename/  OPTIONS      302  200
/accounts/second-factor/passkeys/<int:pk>/rename/  else         302  405
/accounts/second-factor/passkeys/<int:pk>/remove/  GET POST DELETE  302  404
/accounts/second-factor/passkeys/<int:pk>/remove/  OPTIONS      302  200
/accounts/second-factor/passkeys/<int:pk>/remove/  else         302  405
/accounts/second-factor/recovery-codes/  GET POST               302
/accounts/second-factor/recovery-codes/  else                   302  405
/accounts/single-sign-on/           GET else                    404
/accounts/single-sign-on/callback/  GET else                    404
/accounts/link/<str:token>/         GET                         200
/accounts/link/<str:token>/         POST                        422
/accounts/link/<str:token>/         else                        405
/accounts/suspension/end/           POST                        302
/accounts/suspension/end/           else                        302  405
/accounts/sessions/                 GET                         302  200
/accounts/sessions/                 POST                        302
/accounts/sessions/                 else                        302  405
/accounts/preferences/              GET                         302  200
/accounts/preferences/              POST                        302  422
/accounts/preferences/              else                        302  405

/admin/                             GET else           302  302       302  302 302 302    200
/admin/login/                       GET else           302  403       403  403 403 403    302
/admin/logout/                      GET                302  302       302  302 302 302    405
/admin/logout/                      POST OPTIONS       302  302       302  302 302 302    200
/admin/logout/                      else               302  302       302  302 302 302    405
/admin/password_change/             GET else           302
/admin/password_change/done/        GET OPTIONS        302  302       302  302 302 302    200
/admin/password_change/done/        else               302  302       302  302 302 302    405
/admin/autocomplete/                GET                302  302       302  302 302 302    403
/admin/autocomplete/                OPTIONS            302  302       302  302 302 302    200
/admin/autocomplete/                else               302  302       302  302 302 302    405
/admin/jsi18n/                      GET OPTIONS        302  302       302  302 302 302    200
/admin/jsi18n/                      else               302  302       302  302 302 302    405
/admin/r/<path:content_type_id>/<path:object_id>/  GET else  302  302  302  302 302 302  404
/admin/console/user/<id>/password/  GET else           302  302       302  302 302 302    200
/admin/<MODEL>/                     GET else           302  302       302  302 302 302    200
/admin/<MODEL>/<path:object_id>/    TRACE              302  302       302  302 302 302    405
/admin/<MODEL>/<path:object_id>/    GET else           302
/admin/<MODEL>/<path:object_id>/history/  GET else     302  302       302  302 302 302    200
/admin/<FIXED>/add/                 GET else           302  302       302  302 302 302    403
/admin/<FIXED>/<path:object_id>/delete/  GET else      302  302       302  302 302 302    403
/admin/<FIXED>/<path:object_id>/change/  POST          302  302       302  302 302 302    403
/admin/<FIXED>/<path:object_id>/change/  GET else      302  302       302  302 302 302    200
/admin/console/user/add/            POST               302  302       302  302 302 302    200
/admin/console/user/add/            GET else           302  302       302  302 302 302    200
/admin/console/user/<path:object_id>/change/  POST     302
/admin/console/user/<path:object_id>/change/  GET else  302  302      302  302 302 302    200
/admin/console/user/<path:object_id>/delete/  GET else  302  302      302  302 302 302    403
/admin/console/member/add/          POST               302
/admin/console/member/add/          GET else           302  302       302  302 302 302    200
/admin/console/member/<path:object_id>/change/  POST   302
/admin/console/member/<path:object_id>/change/  GET else  302  302    302  302 302 302    200
/admin/console/member/<path:object_id>/delete/  POST   302
/admin/console/member/<path:object_id>/delete/  GET else  302  302    302  302 302 302    200
/admin/auth/group/add/              POST               302
/admin/auth/group/add/              GET else           302  302       302  302 302 302    200
/admin/auth/group/<path:object_id>/change/  POST       302
/admin/auth/group/<path:object_id>/change/  GET else   302  302       302  302 302 302    200
/admin/auth/group/<path:object_id>/delete/  POST       302
/admin/auth/group/<path:object_id>/delete/  GET else   302  302       302  302 302 302    200
/admin/<IDENTITY>/add/              GET else           302  302       302  302 302 302    403
/admin/<IDENTITY>/<path:object_id>/change/  POST      302  302  302  302 302 302  403
/admin/<IDENTITY>/<path:object_id>/change/  GET else  302  302  302  302 302 302  200
/admin/<IDENTITY>/<path:object_id>/delete/  POST      302
/admin/<IDENTITY>/<path:object_id>/delete/  GET else  302  302  302  302 302 302  200
/admin/^(?P<app_label>ANY)/$        GET else           302  302       302  302 302 302    200
/admin/(?P<url>.*)$                 GET else           302  302       302  302 302 302    404
"""
FIXED = (
    *("console/app", "console/branch", "console/auditevent", "console/auditoutcome"),
    *("secrets_app/secret", "envvars_app/variable", "mfa/authenticator"),
)
VARIABLES = ("/apps/<str:app_id>/hosting/environment-variables",)
MEMBERS = ("/apps/<str:app_id>/settings/members",)
BIN = ("/apps/<str:app_id>/hosting/secrets/bin",)
BUILD = ("/apps/<str:app_id>/hosting/build-settings",)
DEPLOYMENTS = ("/apps/<str:app_id>/hosting/deployments",)
IDENTITY = ("socialaccount/socialaccount",)
MODELS = (*FIXED, *IDENTITY, "console/user", "console/member", "auth/group")
SHORT = {
    "<MODEL>": MODELS,
    "<FIXED>": FIXED,
    "<IDENTITY>": IDENTITY,
    "ANY": ("auth|console|envvars_app|mfa|secrets_app|socialaccount",),
    "<BIN>": BIN,
    "<BUILD>": BUILD,
    "<DEPLOYMENTS>": DEPLOYMENTS,
    "<MEMBERS>": MEMBERS,
    "<VARIABLES>": VARIABLES,
}


def parse_table(table: str) -> dict[str, dict[str, list[str]]]:
    """Return the statuses of each column, by pattern and method."""
    rows: dict[str, dict[str, list[str]]] = {}
    for line in filter(None, table.splitlines()[3:]):
        pattern, *rest = line.split()
        methods = [word for word in rest if word.isalpha()]
        statuses = [word for word in rest if not word.isalpha()]
        for route in expand_pattern(pattern):
            for method in methods:
                assert method not in rows.setdefault(route, {}), f"twice: {route} {method}"
                rows[route][method] = expand_statuses(statuses)
    return rows


def expand_pattern(pattern: str) -> list[str]:
    """Return the patterns that a line stands for."""
    for name, all_of_them in SHORT.items():
        if name in pattern:
            return [pattern.replace(name, one) for one in all_of_them]
    return [pattern]


def expand_statuses(statuses: list[str]) -> list[str]:
    """Return a status for each column."""
    signed_in = statuses[1:] or statuses
    if len(signed_in) == 1:
        signed_in = signed_in * (len(COLUMNS) - 1)
    assert len(signed_in) == len(COLUMNS) - 1, statuses
    return [statuses[0], *signed_in]


ROWS = parse_table(TABLE)


def expected(route: str, method: str, column: int) -> int:
    """Return the status in the table; "200/302" is GET / every other method."""
    row = ROWS[route]
    name = "GET" if method == "HEAD" else method
    cell = row.get(name, row.get("else", []))[column]
    return int(re.split("/", cell)[0 if name == "GET" else -1])


@pytest.fixture
def bodies(world: World, secret: Secret) -> dict[str, dict[str, Any]]:
    """Return the form data for URLs where an empty form would be rejected."""
    app = {"name": "Shop", "path_profile": "both"}
    person = {"email": "new@example.org", "is_active": "on"}
    return {
        "/apps/new/": app | {"app_id": "d3new"},
        "/apps/import/": {"app": "d3new", "step": "import", "path_profile": "both"},
        "/apps/<str:app_id>/settings/general/": app,
        "/apps/<str:app_id>/settings/branches/add/": {"name": "new", "stage": "NONE"},
        "/apps/<str:app_id>/settings/branches/<int:pk>/": {"stage": "BETA"},
        "/apps/<str:app_id>/settings/previews/": {"pattern": "pr-*", "source": world.dev.pk},
        "/apps/<str:app_id>/settings/members/invite/": {
            "email": "new@example.org",
            "role": "viewer",
        },
        "/apps/<str:app_id>/settings/members/group/": {
            "group": Group.objects.get_or_create(name="web")[0].pk,
            "role": "viewer",
        },
        "/apps/<str:app_id>/settings/members/<int:pk>/": {"role": "viewer"},
        "/apps/<str:app_id>/hosting/secrets/manage/": {
            "new-1-key": "NEW",
            "new-1-branch": world.dev.pk,
            "new-1-value": "v",
        },
        "/apps/<str:app_id>/hosting/secrets/import/": {
            "text": f"{secret.key}=v",
            "scope": world.dev.pk,
            "action": "compare",
        },
        "/apps/<str:app_id>/compare/<int:pk>/": {
            "source": world.dev.pk,
            "value": f"secret {secret.key}",
        },
        "/apps/<str:app_id>/compare/copy/": {
            "action": "save",
            "value": f"secret:{secret.pk}",
            "scope": world.main.pk,
            "row": f"secret {world.main.pk} 0 {secret.key}",
        },
        "/apps/<str:app_id>/warnings/": {"kind": "placeholder"},
        "/apps/<str:app_id>/hosting/secrets/gen1/": gen1_import(world),
        "/apps/<str:app_id>/hosting/secrets/unknown/<int:pk>/branch/": {"name": "unknown"},
        "/apps/<str:app_id>/hosting/secrets/unknown/move/": {
            "move": f"parameter-{token(unknown_parameter(world))}"
        },
        "/apps/<str:app_id>/hosting/secrets/<int:pk>/mirror/": {"shown": "1:1"},
        "/apps/<str:app_id>/hosting/environment-variables/manage/": {
            "new-1-key": "NEW",
            "new-1-branch": world.dev.pk,
            "new-1-value": "v",
        },
        "/apps/<str:app_id>/hosting/environment-variables/copy/": {"scope": world.dev.pk},
        "/apps/<str:app_id>/hosting/environment-variables/<int:pk>/restore/": {
            "version": 1,
            "base": 1,
        },
        "/apps/<str:app_id>/hosting/environment-variables/<int:pk>/move/": {"base": 1},
        **{
            f"/apps/<str:app_id>/hosting/self-managed/{act}": {"place": "secret/dev/KEY"}
            for act in ("", "reveal/", "remove/", "restore/")
        },
        "/admin/console/user/add/": person,
        "/admin/console/user/<path:object_id>/change/": person,
        "/admin/console/member/add/": {
            "app": App.objects.get(app_id="d2other").pk,
            "user": world.person("vera").pk,
            "role": "viewer",
        },
        "/admin/console/member/<path:object_id>/change/": {"role": "developer"},
        "/admin/console/member/<path:object_id>/delete/": {"post": "yes"},
        "/admin/socialaccount/socialaccount/<path:object_id>/delete/": {"post": "yes"},
        "/admin/auth/group/add/": {"name": "new"},
        "/admin/auth/group/<path:object_id>/change/": {"name": "renamed"},
        "/admin/auth/group/<path:object_id>/delete/": {"post": "yes"},
    }


def test_every_url_has_a_row() -> None:
    assert set(routes()) == set(ROWS)


BATCHES = [[*ROWS][start::16] for start in range(16)]  # each creates and signs in people once
OUTSIDERS = ("charlie", "olga")
# A wrong method is refused before the person's role is looked up, so a few people try each. The
# second person of a column shows that another way to the same role opens the same pages.
SOME = ("GET", "POST", "PUT")
OF = {**dict.fromkeys(("", "charlie", "alice"), METHODS), "olga": SOME}
REQUESTS = [
    (column, name, method)
    for column, people in enumerate(COLUMNS)
    for name in people
    for method in OF.get(name, ("GET", "POST"))
]


@pytest.mark.parametrize("batch", BATCHES, ids=[f"batch {number}" for number in range(16)])
def test_it_works(
    world: World,
    secret: Secret,
    request_as: Callable[..., Any],
    bodies: dict[str, Any],
    batch: list[str],
) -> None:
    for name in chain(*COLUMNS):
        request_as(name, "GET", "/healthz")  # signs in, for all routes
    wrong = []
    for route in batch:
        with rolled_back():
            url = url_of(route, world, secret)
            wrong += wrong_responses(request_as, route, url, bodies.get(route))
    assert wrong == []


def wrong_responses(request_as: Callable[..., Any], route: str, url: str, body: Any) -> list[str]:
    """Return what differs from the table, or tells an outsider that the app exists."""
    nowhere = url.replace("d1shop", "d1shpo")
    wrong = []
    for column, name, method in REQUESTS:
        data, wanted = body if method == "POST" else None, expected(route, method, column)
        response = request_as(name, method, url, data)
        if response.status_code != wanted:
            got = response.status_code
            wrong.append(f"{method} {url} as {name or 'nobody'}: {got}, not {wanted}")
        elif name in OUTSIDERS and method in SOME and "<str:app_id>" in route:
            elsewhere = request_as(name, method, nowhere, data)
            if observable(response) != observable(elsewhere):
                wrong.append(f"{method} {url} as {name}: not as for an app that doesn't exist")
    return wrong


def observable(response: Any) -> tuple[int, str, list[str]]:
    """Return what an observer can compare, without random parts and the requested app id."""
    hidden = r"[0-9a-f]{8}-[0-9a-f-]{27}|d1sh\w\w"
    headers = [name for name in response.headers if name != "Content-Length"]
    return response.status_code, re.sub(hidden, "", response.text), headers
