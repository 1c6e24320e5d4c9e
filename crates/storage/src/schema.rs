//! The tables as diesel sees them; `migrations/` is where they are made.
#![expect(missing_docs, reason = "the columns are documented in the migrations")]

/// Tables of Share My Data.
pub mod smd {
    diesel::table! {
        smd.login (state_hash) {
            state_hash -> Binary,
            browser_hash -> Binary,
            expires_at -> Timestamptz,
            used_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        smd.authorization (id) {
            id -> Uuid,
            subscription_id -> Nullable<Text>,
            authorization_uri -> Nullable<Text>,
            ticket_hash -> Nullable<Binary>,
            stage -> Text,
            failure -> Nullable<Text>,
            access_token -> Nullable<Binary>,
            access_key_id -> Nullable<Text>,
            access_expires_at -> Nullable<Timestamptz>,
            refresh_token -> Nullable<Binary>,
            refresh_key_id -> Nullable<Text>,
            authorized_at -> Timestamptz,
            seen_at -> Nullable<Timestamptz>,
            customer_name -> Nullable<Text>,
            time_zone -> Nullable<Text>,
            history_from -> Nullable<Timestamptz>,
            history_until -> Nullable<Timestamptz>,
            planned_at -> Nullable<Timestamptz>,
            fetched_at -> Nullable<Timestamptz>,
            released_at -> Nullable<Timestamptz>,
            exported_at -> Nullable<Timestamptz>,
            export_error -> Nullable<Text>,
            electricity_file -> Nullable<Text>,
            gas_file -> Nullable<Text>,
            files_removed_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        smd.usage_point (authorization_id, usage_point_id) {
            authorization_id -> Uuid,
            usage_point_id -> Text,
        }
    }

    diesel::table! {
        smd.pull (authorization_id, usage_point_id, number) {
            authorization_id -> Uuid,
            usage_point_id -> Text,
            number -> Integer,
            starts_at -> Timestamptz,
            ends_at -> Timestamptz,
            requested_at -> Nullable<Timestamptz>,
            accepted_at -> Nullable<Timestamptz>,
            accepted -> Integer,
            received_at -> Nullable<Timestamptz>,
            readings -> Nullable<Integer>,
        }
    }

    diesel::table! {
        smd.series (id) {
            id -> BigInt,
            authorization_id -> Uuid,
            usage_point_id -> Text,
            commodity -> Integer,
            flow -> Integer,
            unit -> Integer,
            accumulation -> Integer,
            kind -> Integer,
            phase -> Integer,
            tou -> Integer,
            qualifier -> Integer,
            currency -> Integer,
            default_quality -> Integer,
        }
    }

    diesel::table! {
        smd.reading (series_id, starts_at, duration) {
            series_id -> BigInt,
            starts_at -> Timestamptz,
            duration -> Integer,
            value -> BigInt,
            multiplier -> SmallInt,
            quality -> Array<Integer>,
            tou -> Nullable<Integer>,
            cpp -> Nullable<Integer>,
            cost -> Nullable<BigInt>,
            published_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        smd.notice (id) {
            id -> Uuid,
            link -> Text,
            authorization_id -> Nullable<Uuid>,
            usage_point_id -> Nullable<Text>,
            received_at -> Timestamptz,
            collected_at -> Nullable<Timestamptz>,
        }
    }

    diesel::joinable!(reading -> series (series_id));
    diesel::joinable!(pull -> authorization (authorization_id));
    diesel::allow_tables_to_appear_in_same_query!(
        authorization,
        usage_point,
        pull,
        series,
        reading,
        notice
    );
}

/// Tables of AIIDA.
pub mod aiida {
    diesel::table! {
        aiida.permission (id) {
            id -> Uuid,
            bundle_id -> Uuid,
            connection_id -> Text,
            data_need_id -> Uuid,
            data_need -> Jsonb,
            meter_id -> Nullable<Text>,
            ticket_hash -> Nullable<Binary>,
            status -> Text,
            created_at -> Timestamptz,
            status_at -> Timestamptz,
            sent_at -> Nullable<Timestamptz>,
            starts_on -> Nullable<Date>,
            ends_on -> Nullable<Date>,
            code -> Nullable<Text>,
            aiida_id -> Nullable<Uuid>,
            accepted_at -> Nullable<Timestamptz>,
            granted_at -> Nullable<Timestamptz>,
            removed_at -> Nullable<Timestamptz>,
            first_message_at -> Nullable<Timestamptz>,
            last_message_at -> Nullable<Timestamptz>,
        }
    }

    diesel::table! {
        aiida.permission_event (id) {
            id -> BigInt,
            permission_id -> Uuid,
            status -> Text,
            at -> Timestamptz,
            cause -> Text,
            detail -> Nullable<Text>,
        }
    }

    diesel::table! {
        aiida.credential (permission_id) {
            permission_id -> Uuid,
            password_hash -> Text,
            created_at -> Timestamptz,
        }
    }

    diesel::allow_tables_to_appear_in_same_query!(permission, permission_event);
}
