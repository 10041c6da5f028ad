"""Requests in full, limits, halts, webhooks, notices."""

import django.db.models.deletion
import tracking.models.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tracking', '0010_unverifiable'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Halt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=200)),
                ('set_by', models.CharField(max_length=150)),
                ('set_at', models.DateTimeField()),
                ('lifted_by', models.CharField(blank=True, max_length=150)),
                ('lifted_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('FILL', 'fill'), ('FAILURE', 'failure'), ('UNKNOWN', 'unknown'), ('STREAM_DOWN', 'stream down'), ('DRIFT', 'drift'), ('KEY_EXPIRING', 'key expiring'), ('TEST', 'test')], max_length=16)),
                ('key', models.CharField(max_length=200)),
                ('title', models.CharField(max_length=200)),
                ('text', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(blank=True, null=True)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('given_up_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='NoticeChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64)),
                ('url', tracking.models.fields.EncryptedTextField()),
                ('is_active', models.BooleanField(default=True)),
                ('on_fill', models.BooleanField(default=True)),
                ('on_failure', models.BooleanField(default=True)),
                ('on_unknown', models.BooleanField(default=True)),
                ('on_stream_down', models.BooleanField(default=True)),
                ('on_drift', models.BooleanField(default=True)),
                ('on_key_expiring', models.BooleanField(default=True)),
                ('max_per_minute', models.PositiveSmallIntegerField(default=20)),
                ('last_seq', models.BigIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64)),
                ('kind', models.CharField(choices=[('HMAC', 'hmac'), ('TOKEN', 'token')], max_length=8)),
                ('secret', tracking.models.fields.EncryptedTextField(blank=True, default='')),
                ('token_hash', models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ('allowed_symbols', models.JSONField(blank=True, default=list)),
                ('allowed_sides', models.JSONField(blank=True, default=list)),
                ('max_order_notional', models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True)),
                ('max_orders_per_minute', models.PositiveIntegerField(blank=True, default=60, null=True)),
                ('allowed_ips', models.JSONField(blank=True, default=list)),
                ('client_certificate', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=100)),
                ('nonce', models.CharField(blank=True, max_length=100, null=True)),
                ('body_sha256', models.CharField(max_length=64)),
                ('received_at', models.DateTimeField()),
                ('answer', models.JSONField(default=dict)),
            ],
            options={
                'verbose_name_plural': 'webhook deliveries',
            },
        ),
        migrations.RemoveConstraint(
            model_name='anomaly',
            name='anomaly_kind',
        ),
        migrations.RemoveConstraint(
            model_name='orderevent',
            name='order_event_kind',
        ),
        migrations.RemoveConstraint(
            model_name='orderrequest',
            name='order_request_outcome',
        ),
        migrations.RemoveIndex(
            model_name='orderrequest',
            name='order_request_unresolved',
        ),
        migrations.AddField(
            model_name='exchangeaccount',
            name='keys_checked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='exchangeaccount',
            name='max_open_orders',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='exchangeaccount',
            name='tracking_only',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='failedorder',
            name='kind',
            field=models.CharField(choices=[('INSUFFICIENT_FUNDS', 'insufficient funds'), ('BELOW_MINIMUM', 'below minimum'), ('ABOVE_MAXIMUM', 'above maximum'), ('WRONG_STEP', 'wrong step'), ('PRICE_OUT_OF_BAND', 'price out of band'), ('WOULD_TRIGGER', 'would trigger'), ('WOULD_TAKE', 'would take'), ('NOTHING_TO_REDUCE', 'nothing to reduce'), ('POSITION_SIDE', 'position side'), ('TOO_MANY_ORDERS', 'too many orders'), ('MARKET_CLOSED', 'market closed'), ('UNKNOWN_MARKET', 'unknown market'), ('DUPLICATE', 'duplicate'), ('NO_PERMISSION', 'no permission'), ('RATE_LIMITED', 'rate limited'), ('EXCHANGE_DOWN', 'exchange down'), ('NOT_OFFERED', 'not offered'), ('NOT_ACCEPTED', 'not accepted'), ('HALTED', 'halted'), ('OVER_LIMIT', 'over limit'), ('SYMBOL_NOT_ALLOWED', 'symbol not allowed'), ('TOO_OLD', 'too old'), ('TRACKING_ONLY', 'tracking only'), ('WITHDRAWN', 'withdrawn'), ('OTHER', 'other')], default='OTHER', max_length=24),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='attempted_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='delivery',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='order_requests', to='tracking.webhookdelivery'),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='evidence',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='notional',
            field=models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='notional_asset',
            field=models.CharField(blank=True, max_length=16),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='priority',
            field=models.SmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='retry_of',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='retries', to='tracking.orderrequest'),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='source',
            field=models.CharField(choices=[('API', 'api'), ('WEBHOOK', 'webhook'), ('ADMIN', 'admin'), ('RETRY', 'retry'), ('TRADER', 'trader')], default='API', max_length=8),
        ),
        migrations.AddField(
            model_name='orderrequest',
            name='terms',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='strategyaccount',
            name='allowed_symbols',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='strategyaccount',
            name='max_daily_notional',
            field=models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True),
        ),
        migrations.AddField(
            model_name='strategyaccount',
            name='max_order_notional',
            field=models.DecimalField(blank=True, decimal_places=18, max_digits=38, null=True),
        ),
        migrations.AddField(
            model_name='strategyaccount',
            name='max_orders_per_minute',
            field=models.PositiveIntegerField(blank=True, default=120, null=True),
        ),
        migrations.AddField(
            model_name='strategyaccount',
            name='max_request_age',
            field=models.PositiveIntegerField(db_default=30, default=30),
        ),
        migrations.AddField(
            model_name='strategyaccount',
            name='queue_when_full',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name='anomaly',
            name='kind',
            field=models.CharField(choices=[('DRIFT', 'drift'), ('FILL_GAP', 'fill gap'), ('SUMS_DIFFER', 'sums differ'), ('LATE_FILL', 'late fill'), ('UNKNOWN_STATUS', 'unknown status'), ('UNKNOWN_SYMBOL', 'unknown symbol'), ('OVERFILL', 'overfill'), ('MALFORMED_FRAME', 'malformed frame'), ('QUARANTINED', 'quarantined'), ('SAME_TRADE_ID', 'same trade id'), ('IMPOSSIBLE_TRANSITION', 'impossible transition'), ('UNVERIFIED', 'unverified'), ('UNVERIFIABLE', 'unverifiable'), ('FALSE_FAILURE', 'false failure'), ('FALSE_ABSENCE', 'false absence'), ('OVERSOLD', 'oversold'), ('BOOKS', 'books'), ('NOT_FOUND', 'not found'), ('AUTH_FAILED', 'auth failed'), ('KEY_PERMISSIONS', 'key permissions'), ('NEEDS_REVIEW', 'needs review')], max_length=32),
        ),
        migrations.AlterField(
            model_name='orderevent',
            name='kind',
            field=models.CharField(choices=[('pending_order', 'pending order'), ('order_filled', 'order filled'), ('order_cancelled', 'order cancelled'), ('order_rejected', 'order rejected'), ('order_expired', 'order expired'), ('execution', 'execution'), ('trade', 'trade'), ('position', 'position'), ('session', 'session'), ('anomaly', 'anomaly'), ('order_request', 'order request'), ('halt', 'halt')], max_length=20),
        ),
        migrations.AlterField(
            model_name='orderrequest',
            name='action',
            field=models.CharField(choices=[('PLACE', 'place'), ('CANCEL', 'cancel'), ('AMEND', 'amend')], max_length=8),
        ),
        migrations.AlterField(
            model_name='orderrequest',
            name='outcome',
            field=models.CharField(choices=[('PENDING', 'pending'), ('WAITING', 'waiting'), ('ACCEPTED', 'accepted'), ('REJECTED', 'rejected'), ('UNKNOWN', 'unknown'), ('NEEDS_REVIEW', 'needs review'), ('NOT_ACCEPTED', 'not accepted'), ('FAILED', 'failed')], default='PENDING', max_length=16),
        ),
        migrations.AddIndex(
            model_name='orderrequest',
            index=models.Index(condition=models.Q(('outcome__in', ('PENDING', 'WAITING', 'UNKNOWN', 'NEEDS_REVIEW'))), fields=['account', 'created_at'], name='order_request_unresolved'),
        ),
        migrations.AddIndex(
            model_name='orderrequest',
            index=models.Index(condition=models.Q(('attempted_at__isnull', False)), fields=['strategy_account', 'attempted_at'], name='order_request_attempts'),
        ),
        migrations.AddConstraint(
            model_name='anomaly',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['DRIFT', 'FILL_GAP', 'SUMS_DIFFER', 'LATE_FILL', 'UNKNOWN_STATUS', 'UNKNOWN_SYMBOL', 'OVERFILL', 'MALFORMED_FRAME', 'QUARANTINED', 'SAME_TRADE_ID', 'IMPOSSIBLE_TRANSITION', 'UNVERIFIED', 'UNVERIFIABLE', 'FALSE_FAILURE', 'FALSE_ABSENCE', 'OVERSOLD', 'BOOKS', 'NOT_FOUND', 'AUTH_FAILED', 'KEY_PERMISSIONS', 'NEEDS_REVIEW'])), name='anomaly_kind'),
        ),
        migrations.AddConstraint(
            model_name='failedorder',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['INSUFFICIENT_FUNDS', 'BELOW_MINIMUM', 'ABOVE_MAXIMUM', 'WRONG_STEP', 'PRICE_OUT_OF_BAND', 'WOULD_TRIGGER', 'WOULD_TAKE', 'NOTHING_TO_REDUCE', 'POSITION_SIDE', 'TOO_MANY_ORDERS', 'MARKET_CLOSED', 'UNKNOWN_MARKET', 'DUPLICATE', 'NO_PERMISSION', 'RATE_LIMITED', 'EXCHANGE_DOWN', 'NOT_OFFERED', 'NOT_ACCEPTED', 'HALTED', 'OVER_LIMIT', 'SYMBOL_NOT_ALLOWED', 'TOO_OLD', 'TRACKING_ONLY', 'WITHDRAWN', 'OTHER'])), name='failed_order_kind'),
        ),
        migrations.AddConstraint(
            model_name='orderevent',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['pending_order', 'order_filled', 'order_cancelled', 'order_rejected', 'order_expired', 'execution', 'trade', 'position', 'session', 'anomaly', 'order_request', 'halt'])), name='order_event_kind'),
        ),
        migrations.AddConstraint(
            model_name='orderrequest',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['PENDING', 'WAITING', 'ACCEPTED', 'REJECTED', 'UNKNOWN', 'NEEDS_REVIEW', 'NOT_ACCEPTED', 'FAILED'])), name='order_request_outcome'),
        ),
        migrations.AddConstraint(
            model_name='orderrequest',
            constraint=models.CheckConstraint(condition=models.Q(('action__in', ['PLACE', 'CANCEL', 'AMEND'])), name='order_request_action'),
        ),
        migrations.AddConstraint(
            model_name='orderrequest',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['API', 'WEBHOOK', 'ADMIN', 'RETRY', 'TRADER'])), name='order_request_source'),
        ),
        migrations.AddField(
            model_name='halt',
            name='account',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='halts', to='tracking.exchangeaccount'),
        ),
        migrations.AddField(
            model_name='noticechannel',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notice_channels', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='notice',
            name='channel',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='tracking.noticechannel'),
        ),
        migrations.AddField(
            model_name='webhook',
            name='strategy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='tracking.strategy'),
        ),
        migrations.AddField(
            model_name='webhook',
            name='uses',
            field=models.ManyToManyField(blank=True, related_name='+', to='tracking.strategyaccount'),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='webhook',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='tracking.webhook'),
        ),
        migrations.AddConstraint(
            model_name='halt',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('account',), name='halt_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='noticechannel',
            constraint=models.UniqueConstraint(fields=('user', 'name'), name='notice_channel_per_user'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('given_up_at__isnull', True), ('sent_at__isnull', True)), fields=['channel', 'created_at'], name='notice_waiting'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['created_at'], name='notice_by_time'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(fields=('channel', 'kind', 'key'), name='notice_once'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['FILL', 'FAILURE', 'UNKNOWN', 'STREAM_DOWN', 'DRIFT', 'KEY_EXPIRING', 'TEST'])), name='notice_kind'),
        ),
        migrations.AddConstraint(
            model_name='webhook',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['HMAC', 'TOKEN'])), name='webhook_kind'),
        ),
        migrations.AddConstraint(
            model_name='webhook',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'HMAC'), ('token_hash__isnull', True)), models.Q(('kind', 'TOKEN'), ('token_hash__isnull', False)), _connector='OR'), name='webhook_has_its_proof'),
        ),
        migrations.AddConstraint(
            model_name='webhook',
            constraint=models.CheckConstraint(condition=models.Q(('kind', 'HMAC'), ('max_orders_per_minute__isnull', False), _connector='OR'), name='webhook_token_has_a_rate'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['webhook', 'body_sha256', 'received_at'], name='webhook_delivery_by_body'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['received_at'], name='webhook_delivery_by_time'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(fields=('webhook', 'key'), name='webhook_delivery_once'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(fields=('webhook', 'nonce'), name='webhook_nonce_once'),
        ),
        migrations.RemoveConstraint(model_name='repair', name='repair_action'),
        migrations.AlterField(
            model_name='repair',
            name='action',
            field=models.CharField(choices=[('ADOPT_ORDER', 'adopt order'), ('REASSIGN_EXECUTION', 'reassign execution'), ('VOID_EXECUTION', 'void execution'), ('CLOSE_ANOMALY', 'close anomaly'), ('REBUILD_BOOKS', 'rebuild books'), ('BOOK_POSTING', 'book posting'), ('SETTLE_REQUEST', 'settle request')], max_length=24),
        ),
        migrations.AddConstraint(
            model_name='repair',
            constraint=models.CheckConstraint(condition=models.Q(('action__in', ['ADOPT_ORDER', 'REASSIGN_EXECUTION', 'VOID_EXECUTION', 'CLOSE_ANOMALY', 'REBUILD_BOOKS', 'BOOK_POSTING', 'SETTLE_REQUEST'])), name='repair_action'),
        ),
        migrations.CreateModel(
            name='RequestInReview',
            fields=[],
            options={'verbose_name': 'request that needs review', 'verbose_name_plural': 'needs review', 'proxy': True, 'indexes': [], 'constraints': []},
            bases=('tracking.orderrequest',),
        ),
        # placements used to be made with their order
        migrations.RunSQL(
            "UPDATE tracking_orderrequest SET attempted_at = created_at WHERE action = 'PLACE'",
            migrations.RunSQL.noop,
        ),
    ]
