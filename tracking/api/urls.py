"""Routes of the REST API, below `/api/`."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from tracking.api import (
    failed_orders,
    halts,
    key_checks,
    notices,
    operations,
    order_requests,
    orders,
    repairs,
    rows,
    tokens,
)
from tracking.api.webhook import webhook

router = SimpleRouter()
router.register("accounts", rows.Accounts, basename="account")
router.register("orders", orders.Orders, basename="order")
router.register("order-requests", order_requests.OrderRequests, basename="order-request")
router.register("failed-orders", failed_orders.FailedOrders, basename="failed-order")
router.register("halts", halts.Halts, basename="halt")
router.register("trades", rows.Trades, basename="trade")
router.register("executions", rows.Executions, basename="execution")
router.register("positions", rows.Positions, basename="position")
router.register("sessions", rows.Sessions, basename="session")
router.register("stream-quality", rows.StreamQualities, basename="stream-quality")
router.register("anomalies", rows.Anomalies, basename="anomaly")
router.register("notice-channels", notices.NoticeChannels, basename="notice-channel")
router.register("notices", notices.Notices, basename="notice")

urlpatterns = [
    path("v1/", include(router.urls)),
    path("v1/accounts/<int:account_id>/sync/", operations.SyncAccount.as_view(), name="sync"),
    path(
        "v1/accounts/<int:account_id>/check-key/",
        key_checks.CheckKey.as_view(),
        name="check-key",
    ),
    path(
        "v1/accounts/<int:account_id>/postings/",
        repairs.BookPosting.as_view(),
        name="posting-book",
    ),
    path("v1/orders/<int:row_id>/adopt/", repairs.AdoptOrder.as_view(), name="order-adopt"),
    path(
        "v1/executions/<int:row_id>/reassign/",
        repairs.ReassignExecution.as_view(),
        name="execution-reassign",
    ),
    path(
        "v1/executions/<int:row_id>/void/", repairs.VoidExecution.as_view(), name="execution-void"
    ),
    path("v1/anomalies/<int:row_id>/close/", repairs.CloseAnomaly.as_view(), name="anomaly-close"),
    path("v1/snapshot/", rows.Snapshot.as_view(), name="snapshot"),
    path("v1/auth/login/", tokens.Login.as_view(), name="token-login"),
    path("v1/auth/logout/", tokens.Logout.as_view(), name="token-logout"),
    # where the answer of a webhook points to
    path(
        "order-requests/<int:pk>",
        order_requests.OrderRequests.as_view({"get": "retrieve"}),
        name="webhook-request",
    ),
    path("webhook/<slug:slug>", webhook, name="webhook"),
    path("webhook/<slug:slug>/<slug:token>", webhook, name="webhook-with-token"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]
