"""Keys and tenants by the published client, for whoever looks after them."""

import unittest

from handoffrail.sdk import AsyncHandoffRailClient, NotFoundError, RateLimitError, ServerError, ValidationError

from desk import ADMIN_KEY, BASE_URL, NOBODY, OPERATOR_KEY, Desk, numbers, packet


class Tenants(Desk):
    def setUp(self):
        super().setUp()
        self.operator = self.client_of(OPERATOR_KEY)

    def tenant(self, **wish):
        return self.operator.create_tenant(name=f"Acme {next(numbers)}", **wish)

    def of(self, tenant, role="admin"):
        made = self.operator.create_api_key(name=f"{role} of the test", tenant_id=tenant.id, role=role)
        return self.client_of(made.key)

    def test_a_key_is_made_used_and_listed(self):
        made = self.client.create_api_key(name="Sales")
        self.assertEqual((made.name, made.role, made.revoked, made.key[:3], len(made.key)), ("Sales", "admin", False, "hr_", 46))
        self.assertEqual(self.made(client=self.client_of(made.key)).status, "created")
        listed = self.client.list_api_keys()
        self.assertEqual([(key.key, key.tenant_id) for key in listed if key.id == made.id], [(None, made.tenant_id)])
        for role in ("writer", "agent", "reader"):
            self.assertEqual(self.client.create_api_key(name=role, role=role).role, role)

    def test_a_key_is_rotated_and_revoked(self):
        made = self.client.create_api_key(name="Sales", role="writer")
        rotated = self.client._request("POST", f"/keys/{made.id}/rotate")
        self.assertEqual((rotated["name"], rotated["role"]), ("Sales (rotated)", "writer"))
        self.made(client=self.client_of(rotated["key"]))
        with self.assertRaises(ServerError) as refused:
            self.made(client=self.client_of(made.key))
        self.assertEqual(refused.exception.response_body["detail"], "API key has been revoked")
        self.client._request("DELETE", f"/keys/{rotated['id']}")
        for method, path in (("DELETE", f"/keys/{rotated['id']}"), ("POST", f"/keys/{made.id}/rotate")):
            with self.assertRaises(ValidationError) as twice:
                self.client._request(method, path)
            self.assertEqual(twice.exception.status_code, 409)
        with self.assertRaises(NotFoundError):
            self.client._request("DELETE", f"/keys/{NOBODY}")

    def test_a_tenant_lives_and_is_deleted(self):
        made = self.tenant(tier="business", handoffs_per_day=50, max_api_keys=20)
        self.assertEqual((made.tier, made.handoffs_per_day, made.max_api_keys, made.deleted_at), ("business", 50, 20, None))
        self.assertEqual(self.operator.get_tenant(made.id), made)
        # The clock stands: what was made at the same moment stands in any order.
        self.assertIn(made, self.operator.list_tenants())
        changed = self.operator.update_tenant(made.id, tier="pro", max_api_keys=2)
        self.assertEqual((changed.name, changed.tier, changed.handoffs_per_day, changed.max_api_keys), (made.name, "pro", 50, 2))
        with self.assertRaises(ValidationError) as twice:
            self.operator.create_tenant(name=made.name)
        self.assertEqual(twice.exception.status_code, 409)
        admin = self.of(made)
        self.assertEqual([key.role for key in self.operator.list_tenant_keys(made.id)], ["admin"])
        admin.list_packets()
        self.operator.delete_tenant(made.id)
        with self.assertRaises(ServerError):
            admin.list_packets()
        for call in (self.operator.get_tenant, self.operator.delete_tenant, self.operator.list_tenant_keys):
            with self.assertRaises(NotFoundError):
                call(made.id)
        self.assertNotIn(made.id, [tenant.id for tenant in self.operator.list_tenants()])

    def test_an_admin_sees_its_own_tenant_alone(self):
        own, other = self.tenant(tier="pro"), self.tenant(tier="pro")
        admin = self.of(own)
        self.assertEqual([tenant.id for tenant in admin.list_tenants()], [own.id])
        self.assertEqual(admin.get_tenant(own.id).id, own.id)
        for call in (admin.get_tenant, admin.list_tenant_keys):
            with self.assertRaises(NotFoundError):
                call(other.id)
        with self.assertRaises(NotFoundError):
            admin.create_api_key(name="x", tenant_id=other.id)
        for call in (lambda: admin.create_tenant(name="x"), lambda: admin.update_tenant(own.id, tier="enterprise"),
                     lambda: admin.delete_tenant(own.id), lambda: self.made(client=self.operator)):
            with self.assertRaises(ServerError) as refused:
                call()
            self.assertEqual(refused.exception.status_code, 403)

    def test_a_day_has_its_number_of_handoffs(self):
        tenant = self.tenant()
        self.assertEqual((tenant.tier, tenant.handoffs_per_day, tenant.max_api_keys), ("free", 5, 5))
        writer = self.of(tenant, role="writer")
        for _ in range(5):
            self.made(client=writer)
        with self.assertRaises(RateLimitError) as refused:
            self.made(client=writer)
        self.assertIsNone(refused.exception.retry_after)


class AsyncTenants(unittest.IsolatedAsyncioTestCase):
    async def test_the_asynchronous_client_does_the_same(self):
        async with AsyncHandoffRailClient(base_url=BASE_URL, api_key=OPERATOR_KEY, max_retries=0) as operator:
            made = await operator.create_tenant(name=f"Async {next(numbers)}")
            key = await operator.create_api_key(name="first", tenant_id=made.id)
            self.assertEqual([one.id for one in await operator.list_tenant_keys(made.id)], [key.id])
            self.assertEqual((await operator.update_tenant(made.id, tier="enterprise")).tier, "enterprise")
            async with AsyncHandoffRailClient(base_url=BASE_URL, api_key=key.key, max_retries=0) as admin:
                self.assertEqual([one.id for one in await admin.list_tenants()], [made.id])
                self.assertEqual((await admin.create_packet(packet("Theirs").build())).status, "created")
            await operator.delete_tenant(made.id)
            with self.assertRaises(NotFoundError):
                await operator.get_tenant(made.id)
        async with AsyncHandoffRailClient(base_url=BASE_URL, api_key=ADMIN_KEY, max_retries=0) as admin:
            self.assertIn("admin", [one.role for one in await admin.list_api_keys()])
