-- What Hibernate's schema tool (hbm2ddl) sends for PostgreSQL, each statement a transaction of its own, and what its sessions send.
-- `refused RULE` above a statement: it must be refused, for the reason in docs/CONFORMANCE.md.
create sequence hibernate_sequence start 1 increment 1;
create table shop (id int8 not null, name varchar(255) not null, opened timestamp, version int4 not null, primary key (id));
create table purchase (id int8 not null, total numeric(19, 2), state varchar(255), shop_id int8 not null, primary key (id));
create table tag (id bigserial not null, label varchar(255), primary key (id));
create table purchase_tag (purchase_id int8 not null, tag_id int8 not null);
-- refused add-unique-constraint
alter table if exists shop add constraint UK_s1 unique (name);
-- refused add-fk-valid
alter table if exists purchase add constraint FK_p1 foreign key (shop_id) references shop;
-- refused add-fk-valid
alter table if exists purchase_tag add constraint FK_t1 foreign key (tag_id) references tag;
alter table if exists purchase add column remark varchar(255);
-- refused index-not-concurrent
create index IDX_state on purchase (state);
-- refused add-required-column
alter table if exists purchase add column weight int4 not null;
-- refused drop-table
drop table if exists tag cascade;
-- refused drop-table
drop table if exists tag;
create table HT_purchase (id int8 not null, hib_sess_id varchar(36));
select nextval ('hibernate_sequence');
insert into shop (name, opened, version, id) values ('a', '2026-11-22 10:00:00', 0, 1);
insert into purchase (shop_id, state, total, id) values (1, 'new', 5.00, 2);
update purchase set shop_id=1, state='paid', total=5.00 where id=2;
select purchase0_.id as id1_0_0_, purchase0_.state as state2_0_0_, shop1_.name as name3_1_1_ from purchase purchase0_ inner join shop shop1_ on purchase0_.shop_id=shop1_.id where purchase0_.id=2;
update shop set name='b', version=1 where id=1 and version=0;
select id from shop where id =1 for update;
insert into HT_purchase select purchase0_.id as id, 'f3b0' as hib_sess_id from purchase purchase0_ where purchase0_.state='paid';
delete from purchase where (id) in (select id from HT_purchase where hib_sess_id='f3b0');
delete from HT_purchase where hib_sess_id='f3b0';
delete from shop where id=1 and version=1;
