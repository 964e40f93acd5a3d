CREATE OR REPLACE VIEW pub.zones AS
SELECT site, zone, parent, label, kind, category, area_m2 FROM zones
