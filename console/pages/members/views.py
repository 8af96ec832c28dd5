"""Pages of an app's members, their permissions, and invitations."""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from console.access import explain
from console.access.actors import Actor
from console.access.policy import Access, Permission, Role, find_app
from console.audit.events import Action
from console.auth import limiter
from console.lib.naming.branch_patterns import parse_patterns
from console.members import exposure, invitations, services, suspension
from console.members.services import actor_of
from console.models import Branch, Member, User
from console.pages.members.forms import DecisionForm, GroupMemberForm, InvitationForm, RoleForm
from console.web.kit import (
    app_context,
    call_service,
    form_data,
    link_to,
    page_with_form,
    require_manager_access,
    show_form,
)

PEOPLE_SHOWN = 20  # users per group


@require_safe
def member_list(request: HttpRequest, app_id: str) -> HttpResponse:
    """List an app's members and invitations."""
    access = require_manager_access(request, app_id)
    found = access.app.members.select_related("user", "group").prefetch_related("group__user_set")
    suspended = suspension.suspended_people(access.app)
    ids = {person.pk for person, _ in suspended}
    rows = [_row(member) | {"suspended": member.user_id in ids} for member in found]
    context = {
        "members": sorted(rows, key=lambda row: (row["is_group"], row["name"])),
        "suspended": suspended,
        "suspended_ids": ids,
        "invitations": access.app.invitations.select_related("invited_by"),
        "has_groups": Group.objects.exclude(memberships__app=access.app).exists(),
        "me": access.actor.user_id,
        "now": timezone.now(),
    }
    return render(request, "console/members.html", {**app_context(access, "members"), **context})


def _row(member: Member) -> dict[str, Any]:
    group = member.group
    people = sorted(group.user_set.all(), key=str) if group else []
    return {
        "pk": member.pk,
        "user_id": member.user_id,
        "name": group.name if group else str(member.user),
        "is_group": group is not None,
        "disabled": member.user is not None and not member.user.is_active,
        "people": people[:PEOPLE_SHOWN],
        "more": len(people[PEOPLE_SHOWN:]),
        "role": member.get_role_display(),
        "patterns": parse_patterns(member.patterns),
    }


@page_with_form
def member(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Change a member's role."""
    access = require_manager_access(request, app_id, Action.MEMBER_SET)
    found = services.find_member(access, pk)
    form = RoleForm(form_data(request), initial={"role": found.role, "patterns": found.patterns})
    if form.is_valid() and _set(access, form, found.user or found.group):
        messages.success(request, f"Saved the role of {found.name}.")
        lost_ownership = found.user_id == access.actor.user_id and form["role"].data != Role.OWNER
        return redirect("overview" if lost_ownership else "members", app_id=app_id)
    context = {**app_context(access, "members"), "member": found}
    return show_form(request, "console/member.html", form, context)


@page_with_form
def member_group(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Add a group as a member."""
    access = require_manager_access(request, app_id, Action.MEMBER_SET)
    form = GroupMemberForm(form_data(request), app=access.app)
    if form.is_valid() and _set(access, form, form.cleaned_data["group"]):
        messages.success(request, f"The group {form.cleaned_data['group']} is now a member.")
        return redirect("members", app_id=app_id)
    return show_form(request, "console/member_group.html", form, app_context(access, "members"))


def _set(access: Access, form: Form, who: User | Group | None) -> Member | None:
    fields = form.cleaned_data
    role = {"role": fields["role"], "patterns": fields["patterns"]}
    return call_service(
        form, services.set_member, actor=access.actor, app=access.app, principal=who, **role
    )


@page_with_form
def member_remove(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Ask for confirmation, remove a member, then show the secrets they have seen."""
    access = require_manager_access(request, app_id, Action.MEMBER_REMOVED)
    found = services.find_member(access, pk)
    form = Form(form_data(request))
    if form.is_valid() and call_service(form, _remove, actor=access.actor, member=found):
        messages.success(request, f"{found.name} was removed.")
        return _after_removal(access, found)
    context = {
        **app_context(access, "members"),
        "member": found,
        "known": len(exposure.exposed_secrets(found.user_id, app_id)) if found.user_id else 0,
    }
    return show_form(request, "console/member_remove.html", form, context)


def _remove(actor: Actor, member: Member) -> bool:
    services.remove_member(actor=actor, member=member)
    return True


def _after_removal(access: Access, member: Member) -> HttpResponseBase:
    app_id = access.app.app_id
    if member.user_id == access.actor.user_id:
        return redirect("apps")
    if member.user_id and exposure.exposed_secrets(member.user_id, app_id):
        return redirect("known", app_id=app_id, pk=member.user_id)
    return redirect("members_left" if member.group_id else "members", app_id=app_id)


@page_with_form
def member_invite(request: HttpRequest, app_id: str) -> HttpResponseBase:
    """Invite an email address. Only this response contains the link."""
    access = require_manager_access(request, app_id, Action.MEMBER_INVITED)
    form = InvitationForm(form_data(request), initial=_earlier_invitation(request, access))
    context = {**app_context(access, "members"), "mail": settings.MAIL}
    if not form.is_valid():
        return show_form(request, "console/member_invite.html", form, context)
    if limited := _rate_limited(request):
        return limited
    link = call_service(
        form,
        invitations.invite,
        actor=access.actor,
        app_id=app_id,
        link_to=partial(link_to, request, "invitation"),
        **form.cleaned_data,
    )
    if link is None:
        return show_form(request, "console/member_invite.html", form, context)
    context |= {"link": link, "email": form.cleaned_data["email"].strip().lower()}
    response = render(request, "console/member_invited.html", context)
    response["Cache-Control"] = "no-store"  # the link is a credential
    return response


def _earlier_invitation(request: HttpRequest, access: Access) -> dict[str, Any]:
    """Return the fields of an open invitation, to prefill the form that replaces it."""
    earlier = access.app.invitations.filter(email=request.GET.get("email", "")[:254]).first()
    return {
        name: getattr(earlier, name)
        for name in ("email", "role", "patterns")
        if earlier is not None
    }


def _rate_limited(request: HttpRequest) -> HttpResponse | None:
    """Return a 429 if the user sends too many invitations (each may be a mail), else None."""
    if limiter.consume(request, "invite", "30/h/user"):
        return None
    return render(request, "429.html", status=429)


@require_POST
def invitation_withdraw(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Withdraw an invitation."""
    access = require_manager_access(request, app_id, Action.MEMBER_UNINVITED)
    gone = invitations.withdraw(actor=access.actor, app_id=app_id, pk=pk)
    messages.success(request, f"Withdrew the invitation for {gone.email}.")
    return redirect("members", app_id=app_id)


@require_POST
def member_confirm(request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
    """Confirm a suspended member."""
    access = require_manager_access(request, app_id, Action.ACCOUNT_CONFIRMED)
    try:
        user = suspension.confirm(actor=access.actor, app_id=app_id, person_id=pk)
    except ValidationError as refusal:  # another owner was faster
        messages.info(request, refusal.messages[0])
    else:
        messages.success(request, f"Confirmed {user.email}. They have access to this app again.")
    return redirect("members", app_id=app_id)


@require_safe
def member_decision(request: HttpRequest, app_id: str) -> HttpResponse:
    """Explain whether a member may do something, and why."""
    access = require_manager_access(request, app_id)
    form = DecisionForm(request.GET or None, access=access)
    context = {**app_context(access, "members"), "form": form}
    if form.is_valid():
        context |= _decision_context(access, **form.cleaned_data)
    return render(request, "console/member_decision.html", context)


def _decision_context(
    access: Access, who: User, act: Permission, where: Branch | None
) -> dict[str, Any]:
    """Return the decision and its explanation, from the same function that makes every check."""
    try:
        their_access = find_app(actor_of(who), access.app.app_id)
    except Http404:
        their_access = None
    decision = (their_access or access).decide(act, where)
    return {
        "who": who,
        "allowed": their_access is not None and decision.allowed,
        "question": explain.question(decision),
        "rules": explain.rules(decision) if their_access else [_obstacle(who)],
    }


def _obstacle(who: User) -> str:
    """Return why a member has no access at all."""
    if who.is_active:
        return "This person's access is suspended until another owner confirms it under Members."
    return "This account is disabled, so it can't do anything, whatever its roles."
