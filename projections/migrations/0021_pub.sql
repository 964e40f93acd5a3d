-- What dashboards may read: nothing in here names a person, a credential or a visit.
CREATE DATABASE IF NOT EXISTS pub
