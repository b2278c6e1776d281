"""Build the application that uvicorn runs. `create_app` is its factory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from waiting_list import (
    __version__,
    api_key_router,
    catalogue_router,
    contact_router,
    dashboard,
    dashboard_changes,
    dashboard_notices,
    dashboard_router,
    docs_router,
    fan_router,
    link_router,
    lookalike_router,
    mail_router,
    operations_router,
    organizer_router,
    pages,
    shop_router,
    sign_in_router,
    static_router,
    stock_router,
    user_router,
    users_router,
    webhook_router,
)
from waiting_list.answers import ProblemDocument, on_defect, on_http_error, on_invalid, on_problem
from waiting_list.asgi import BodyGuard
from waiting_list.auth import Authenticator
from waiting_list.calls import SECURITY_SCHEMES, Service
from waiting_list.cors import CrossOrigin
from waiting_list.database import connect_pool
from waiting_list.delivery import Dispatcher
from waiting_list.engine import Engine
from waiting_list.exports import Exports
from waiting_list.figures import DeploymentMetrics
from waiting_list.gate import Gate
from waiting_list.health import Health
from waiting_list.limits import Limits
from waiting_list.live import Live
from waiting_list.mail_limits import MailLimits
from waiting_list.observe import Instrumentation
from waiting_list.peers import Peers
from waiting_list.polls import CoalescedReads
from waiting_list.problems import Problem
from waiting_list.purchase_passes import PurchasePasses
from waiting_list.settings import Settings, settings
from waiting_list.sign_outs import SignOuts
from waiting_list.signing_keys import SigningKeys
from waiting_list.user_tokens import UserTokens
from waiting_list.worker import Maintenance

DESCRIPTION = """
Waiting lists for sold-out events. A list opens when the stock of an offer at a representation is sold out.
The service then holds each returned ticket for the next fan in line. The fan buys it or declines it, or the hold
expires.

Every refusal is an RFC 9457 problem with a `code`. A refused call has changed no data.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "user", "description": "Calls of fans. They need a user token, except those for public data."},
    {"name": "organizer", "description": "Calls of organizers and ticketing platforms. They need an API key."},
    {"name": "operations", "description": "Health, metrics, version and public keys. They need no credentials."},
]

ROUTERS = (
    user_router.router,
    user_router.public,
    organizer_router.router,
    stock_router.router,
    lookalike_router.router,
    catalogue_router.router,
    users_router.tokens,
    users_router.router,
    api_key_router.router,
    webhook_router.router,
    contact_router.router,
    contact_router.organizer,
    link_router.router,
    fan_router.router,
    fan_router.place_router,
    sign_in_router.links,
    sign_in_router.router,
    dashboard.sign_in_router,
    dashboard.router,
    dashboard_notices.router,
    dashboard_changes.router,
    dashboard_router.router,
    pages.router,
    static_router.router,
    docs_router.router,
    operations_router.router,
    mail_router.router,
    shop_router.router,
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
        live = Live(pool, reads)
        signing_keys, sign_outs = SigningKeys(pool), SignOuts(pool, config)
        sign_outs.on_news = live.close_ended
        user_tokens = UserTokens(signing_keys, sign_outs)
        app.state.service = Service(
            settings=config,
            pool=pool,
            engine=engine,
            reads=reads,
            live=live,
            signing_keys=signing_keys,
            sign_outs=sign_outs,
            user_tokens=user_tokens,
            purchase_passes=PurchasePasses(signing_keys),
            authenticator=Authenticator(pool, config, user_tokens, sign_outs),
            limits=Limits(pool, config),
            mail_limits=MailLimits(pool, config, signing_keys),
            deployment_metrics=DeploymentMetrics(pool),
            health=Health(pool),
            peers=peers,
            exports=Exports(pool),
            gate=Gate(engine, signing_keys, config),
        )
        stop = asyncio.Event()
        dispatcher = Dispatcher(pool, config, signing_keys, engine.wake)
        maintenance = Maintenance(pool, engine, personal_data_kept=config.personal_data_kept)
        work = [asyncio.create_task(one.run(stop)) for one in (maintenance, dispatcher) if config.worker]
        looking = [asyncio.create_task(looker.run()) for looker in (live, sign_outs)]
        try:
            yield
        finally:
            stop.set()
            for task in looking:
                task.cancel()
            await asyncio.gather(*work)
            for one in filter(None, (standby, pool)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(one.close(), timeout=10)

    app = FastAPI(
        title="Waiting List Service",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        redirect_slashes=False,
        # FastAPI's own pages load scripts from another host; ours are in docs_router.py.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Not included one by one: FastAPI would look for each call twice, router by router.
        routes=[route for router in ROUTERS for route in router.routes],
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            Problem: on_problem,
            RequestValidationError: on_invalid,
            HTTPException: on_http_error,
            Exception: on_defect,
        },
    )
    app.add_middleware(BodyGuard)
    app.add_middleware(CrossOrigin)
    app.add_middleware(Instrumentation, log_requests=config.log_requests, peers=peers)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        for calls in document["paths"].values():
            for operation in calls.values():
                # In place of the function's name, because Swagger UI lists the summaries.
                sentence, _, _ = " ".join(operation["description"].split()).partition(". ")
                operation["summary"] = sentence.removesuffix(".")
        problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document["components"]["schemas"]
        schemas.update({"ProblemDocument": problem, **problem.pop("$defs", {})})
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    return app
