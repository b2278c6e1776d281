"""Build the application that uvicorn runs. `create_app` is its factory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from waiting_list import __version__
from waiting_list.access.authentication import Authenticator
from waiting_list.access.email_joins import EmailJoins
from waiting_list.access.email_limits import MailLimits
from waiting_list.access.join_gate import Gate
from waiting_list.access.purchase_passes import PurchasePasses
from waiting_list.access.rate_limits import Limits
from waiting_list.access.sign_outs import SignOuts
from waiting_list.access.signing_keys import SigningKeys
from waiting_list.access.user_tokens import UserTokens
from waiting_list.access.wishes import Wishes
from waiting_list.api import operations
from waiting_list.api.organizer import api_keys as organizer_api_keys
from waiting_list.api.organizer import catalogue as organizer_catalogue
from waiting_list.api.organizer import changes as organizer_changes
from waiting_list.api.organizer import entries as organizer_entries
from waiting_list.api.organizer import gateways as organizer_gateways
from waiting_list.api.organizer import holds as organizer_holds
from waiting_list.api.organizer import lists as organizer_lists
from waiting_list.api.organizer import lookalikes as organizer_lookalikes
from waiting_list.api.organizer import messages as organizer_messages
from waiting_list.api.organizer import notices as organizer_notices
from waiting_list.api.organizer import organization as organizer_organization
from waiting_list.api.organizer import pauses as organizer_pauses
from waiting_list.api.organizer import personal_data as organizer_personal_data
from waiting_list.api.organizer import private_links as organizer_private_links
from waiting_list.api.organizer import stock as organizer_stock
from waiting_list.api.organizer import user_tokens as organizer_user_tokens
from waiting_list.api.organizer import webhooks as organizer_webhooks
from waiting_list.api.organizer import wording as organizer_wording
from waiting_list.api.user import alerts as user_alerts
from waiting_list.api.user import contact as user_contact
from waiting_list.api.user import email_joins as user_email_joins
from waiting_list.api.user import entries as user_entries
from waiting_list.api.user import ledger as user_ledger
from waiting_list.api.user import lists as user_lists
from waiting_list.api.user import phones as user_phones
from waiting_list.api.user import receipts as user_receipts
from waiting_list.api.user import transfers as user_transfers
from waiting_list.api.user import wishes as user_wishes
from waiting_list.catalogue.image_store import ImageStore
from waiting_list.catalogue.images import Images
from waiting_list.demo import shop
from waiting_list.ledger.checkpoints import Checkpoints
from waiting_list.lists.engine import Engine
from waiting_list.lists.queries.coalesced import CoalescedReads
from waiting_list.lists.queries.exports import Exports
from waiting_list.lists.queries.list_watch import ListWatch
from waiting_list.lists.queries.live import Live
from waiting_list.maintenance import Maintenance
from waiting_list.notifications.dispatcher import Dispatcher
from waiting_list.pages import api_docs, dev_mailbox, images, language, receipt_checker, static_files
from waiting_list.pages.dashboard import add_fan as dashboard_add_fan
from waiting_list.pages.dashboard import api_keys as dashboard_api_keys
from waiting_list.pages.dashboard import changes as dashboard_changes
from waiting_list.pages.dashboard import emails as dashboard_emails
from waiting_list.pages.dashboard import entry as dashboard_entry
from waiting_list.pages.dashboard import event_dates as dashboard_event_dates
from waiting_list.pages.dashboard import event_form as dashboard_event_form
from waiting_list.pages.dashboard import event_list as dashboard_event_list
from waiting_list.pages.dashboard import event_share as dashboard_event_share
from waiting_list.pages.dashboard import event_tickets as dashboard_event_tickets
from waiting_list.pages.dashboard import events as dashboard_events
from waiting_list.pages.dashboard import first as dashboard_first
from waiting_list.pages.dashboard import history as dashboard_history
from waiting_list.pages.dashboard import import_events as dashboard_import_events
from waiting_list.pages.dashboard import import_people as dashboard_import_people
from waiting_list.pages.dashboard import list_settings as dashboard_settings
from waiting_list.pages.dashboard import lists as dashboard_lists
from waiting_list.pages.dashboard import messages as dashboard_messages
from waiting_list.pages.dashboard import notices as dashboard_notices
from waiting_list.pages.dashboard import organization as dashboard_organization
from waiting_list.pages.dashboard import passkeys as dashboard_passkeys
from waiting_list.pages.dashboard import people as dashboard_people
from waiting_list.pages.dashboard import sign_in as dashboard_sign_in
from waiting_list.pages.dashboard import statistics as dashboard_statistics
from waiting_list.pages.dashboard import team as dashboard_team
from waiting_list.pages.dashboard import ticket_types as dashboard_ticket_types
from waiting_list.pages.dashboard import webhooks as dashboard_webhooks
from waiting_list.pages.dashboard import wording as dashboard_wording
from waiting_list.pages.fans import alerts as fan_alerts
from waiting_list.pages.fans import calendar as fan_calendar
from waiting_list.pages.fans import install as fan_install
from waiting_list.pages.fans import ledger as fan_ledger
from waiting_list.pages.fans import lists as fan_lists
from waiting_list.pages.fans import own_entry as fan_own_entry
from waiting_list.pages.fans import private_link as fan_private_link
from waiting_list.pages.fans import sign_in as fan_sign_in
from waiting_list.pages.fans import transfers as fan_transfers
from waiting_list.pages.unknown import on_http_error, on_problem, refuse
from waiting_list.postgres.pool import connect_pool
from waiting_list.problems import Problem
from waiting_list.settings import Settings, settings
from waiting_list.web.deployment_metrics import DeploymentMetrics
from waiting_list.web.health import Health
from waiting_list.web.http_layer import HttpLayer
from waiting_list.web.peers import Peers
from waiting_list.web.problem_responses import on_defect, on_invalid
from waiting_list.web.public_path import PublicPath
from waiting_list.web.request import Services
from waiting_list.web.routes import Route, with_head
from waiting_list.web.server_sent_events import Streams

DESCRIPTION = """
Waiting lists for sold-out events. A list opens when the stock of an offer at a representation is sold out.
The service then holds each returned ticket for the next fan in line. The fan buys it or declines it, or the hold
expires.

Every refusal is an RFC 9457 problem with a `code`. A refused call has changed no data.
"""

ROUTERS = (
    user_entries.router,
    user_email_joins.router,
    user_wishes.router,
    user_lists.router,
    user_ledger.router,
    organizer_entries.router,
    organizer_pauses.router,
    organizer_holds.router,
    organizer_lists.router,
    organizer_stock.router,
    organizer_lookalikes.router,
    organizer_messages.router,
    organizer_catalogue.router,
    organizer_changes.router,
    organizer_user_tokens.router,
    organizer_personal_data.router,
    organizer_api_keys.router,
    organizer_webhooks.router,
    organizer_notices.router,
    organizer_gateways.router,
    organizer_organization.router,
    organizer_wording.router,
    user_contact.router,
    user_phones.router,
    user_receipts.router,
    user_alerts.router,
    user_transfers.router,
    organizer_private_links.router,
    fan_private_link.router,
    fan_lists.router,
    fan_ledger.router,
    fan_alerts.router,
    fan_alerts.public_router,
    fan_own_entry.router,
    fan_transfers.router,
    fan_calendar.router,
    fan_install.router,
    fan_sign_in.public_router,
    fan_sign_in.router,
    dashboard_passkeys.public_router,
    dashboard_sign_in.public_router,
    dashboard_first.router,
    dashboard_sign_in.router,
    dashboard_team.router,
    dashboard_team.account_router,
    dashboard_passkeys.router,
    dashboard_api_keys.router,
    dashboard_webhooks.router,
    dashboard_notices.router,
    dashboard_people.router,
    dashboard_add_fan.router,
    dashboard_import_people.router,
    dashboard_entry.router,
    dashboard_emails.router,
    dashboard_organization.router,
    dashboard_changes.router,
    dashboard_settings.router,
    dashboard_history.router,
    dashboard_statistics.router,
    dashboard_messages.router,
    dashboard_wording.router,
    dashboard_event_list.router,
    dashboard_event_form.router,
    dashboard_import_events.router,
    dashboard_event_dates.router,
    dashboard_ticket_types.router,
    dashboard_event_tickets.router,
    dashboard_event_share.router,
    dashboard_events.router,
    dashboard_lists.router,
    language.router,
    static_files.router,
    images.router,
    api_docs.router,
    receipt_checker.router,
    operations.router,
    dev_mailbox.router,
    shop.router,
)
"""The most frequent calls first, because the application tries the routes in this order."""


def create_app(configured: Settings | None = None) -> FastAPI:
    """Build the service for the given settings, by default those of the environment.

    Without a database the service still starts, and answers 503. It runs the worker if the settings say so.
    """
    config = configured or settings()
    peers = Peers()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        assert config.database_url is not None, "the command line starts the embedded server and names it"
        pool = await connect_pool(config, config.database_url.get_secret_value())
        standby = (
            await connect_pool(config, config.read_database_url.get_secret_value())
            if config.read_database_url
            else None
        )
        engine = Engine(pool, config)
        reads = CoalescedReads(pool, config, standby)
        live, list_watch = Live(pool, reads), ListWatch(pool)
        signing_keys, sign_outs = SigningKeys(pool), SignOuts(pool, config)
        sign_outs.on_news = live.close_ended
        user_tokens = UserTokens(signing_keys, sign_outs)
        purchase_passes = PurchasePasses(signing_keys)
        checkpoints = Checkpoints(pool, config.public_url)
        streams = Streams(live, list_watch, purchase_passes.with_pass)
        kept_images = Images(pool, ImageStore.of(config))
        limits, mail_limits = Limits(pool, config), MailLimits(pool, config, signing_keys)
        gate = Gate(engine, signing_keys, config)
        wishes = Wishes(pool, engine, gate)
        app.state.service = Services(
            settings=config,
            pool=pool,
            engine=engine,
            reads=reads,
            live=live,
            streams=streams,
            signing_keys=signing_keys,
            sign_outs=sign_outs,
            user_tokens=user_tokens,
            purchase_passes=purchase_passes,
            authenticator=Authenticator(pool, config, user_tokens, sign_outs),
            limits=limits,
            mail_limits=mail_limits,
            deployment_metrics=DeploymentMetrics(pool),
            health=Health(pool),
            peers=peers,
            exports=Exports(pool),
            images=kept_images,
            gate=gate,
            checkpoints=checkpoints,
            wishes=wishes,
            email_joins=EmailJoins(
                pool, config, engine, gate, signing_keys, user_tokens, limits, mail_limits, wishes
            ),
        )
        stop = asyncio.Event()
        dispatcher = Dispatcher(pool, config, signing_keys, engine)
        maintenance = Maintenance(
            pool,
            engine,
            end_grace=config.end_grace,
            personal_data_kept=config.personal_data_kept,
            checkpoints=checkpoints,
            drand_url=config.drand_url,
            witnesses=config.ledger_witnesses,
        )
        work = [asyncio.create_task(one.run(stop)) for one in (maintenance, dispatcher) if config.worker]
        watching = [asyncio.create_task(watcher.run()) for watcher in (live, list_watch, streams, sign_outs)]
        if config.worker:
            watching.append(asyncio.create_task(kept_images.run()))
        try:
            yield
        finally:
            stop.set()
            for task in watching:
                task.cancel()
            await asyncio.gather(*work)
            for one in filter(None, (standby, pool)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(one.close(), timeout=10)

    app = FastAPI(
        title="Waiting List Service",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        # FastAPI's own pages load scripts from another host; ours are in pages/api_docs.py.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Not `include_router`, because FastAPI would then look for each call twice, router by router.
        routes=with_head([route for router in ROUTERS for route in router.routes]),
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            Problem: on_problem,
            RequestValidationError: on_invalid,
            HTTPException: on_http_error,
            Exception: on_defect,
        },
    )
    # In place of `add_middleware`, which would put a layer of Starlette's own around it.
    app.middleware_stack = HttpLayer(
        app,
        refuse=refuse,
        local_domains=config.local_domains,
        log_requests=config.log_requests,
        peers=peers,
    )
    if config.public_path:
        app.middleware_stack = PublicPath(app.middleware_stack, path=config.public_path)
    describe = app.openapi

    @cache
    def openapi() -> dict[str, Any]:
        # Late, because only readers of the document need it.
        from waiting_list.web.openapi_document import contact, finish, licence  # noqa: PLC0415

        app.contact, app.license_info = contact(), licence()
        for route in app.routes:
            if isinstance(route, Route):
                route.describe_answer()
        return finish(describe(), public_url=config.public_url)

    app.openapi = openapi  # type: ignore[method-assign]
    return app
